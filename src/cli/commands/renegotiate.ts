import { createClient } from "@connectrpc/connect";

import {
  ControllerLease,
  HandshakeKind,
  RenegotiationReason,
  type TransportState,
} from "../../client/contract.ts";
import type { RenegotiateResponse } from "../../gen/beach/controller/v1/controller_lease_pb.js";
import { callingOptions, openCalling } from "../calling/calling.ts";
import { currentState } from "../calling/current-state.ts";
import { exitCodes, failureOf } from "../failure.ts";
import { oneSession, readArguments } from "../terminal/arguments.ts";
import { decline, isConfirmed } from "../terminal/confirm.ts";
import type { Output } from "../terminal/output.ts";
import { negotiationWords, pathWord, stateJson } from "../terminal/transport-words.ts";

const options = {
  ...callingOptions,
  session: { type: "string" },
  yes: { type: "boolean", short: "y", default: false },
} as const;

/** `renegotiate`: asks for another fast path, as an operator. */
export async function renegotiate(args: readonly string[], output: Output): Promise<number> {
  const { options: given, positionals } = readArguments(args, options);
  const sessionId = oneSession(positionals, given);
  using calling = openCalling(given);
  const place = { ...calling.place, sessionId };
  const state = given.yes ? undefined : await currentState(calling, sessionId);
  if (!(await isConfirmed(question(sessionId, state), given.yes))) return decline(output);
  const answer = await createClient(ControllerLease, calling.transport)
    .renegotiate(
      { sessionId, reason: RenegotiationReason.OPERATOR },
      { timeoutMs: place.timeoutMs },
    )
    .catch((error: unknown) => {
      throw failureOf(error, place);
    });
  if (given.json) await output.json(toJson(sessionId, answer));
  else for (const line of toLines(sessionId, answer)) await output.line(line);
  return exitCodes.done;
}

function question(sessionId: string, state: TransportState | undefined): string {
  const path = state === undefined ? "" : ` (${pathWord(state.path)}, ${state.lastChangeReason})`;
  return `Negotiate another fast path for ${sessionId}${path}? The current one stays until then.`;
}

function toLines(sessionId: string, answer: RenegotiateResponse): readonly string[] {
  const { handshakeKind, joined, offer, transport } = answer;
  if (handshakeKind !== HandshakeKind.RENEGOTIATE) {
    const when = transport === undefined ? "" : `: ${negotiationWords(transport)}`;
    return [`${sessionId}: no negotiation was started${when}`];
  }
  const what = joined ? "joined the negotiation in flight" : "started a negotiation";
  const handshake = `${sessionId}: ${what}, handshake ${offer?.handshakeId}`;
  if (offer?.deliveredByServer !== false) return [handshake];
  const nobody = "the host does not watch this service and Beach Road does not deliver to it";
  return [handshake, `${sessionId}: ${nobody}: send it manager_handshake`];
}

function toJson(
  sessionId: string,
  { handshakeKind, joined, offer, transport }: RenegotiateResponse,
): object {
  return {
    session: sessionId,
    outcome: handshakeKind === HandshakeKind.RENEGOTIATE ? "renegotiate" : "refresh",
    joined,
    handshake: offer?.handshakeId ?? null,
    delivered_by_server: offer?.deliveredByServer ?? null,
    transport: transport === undefined ? null : stateJson(transport),
  };
}
