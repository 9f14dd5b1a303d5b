import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";

import { FastPathRegistry } from "../../client/contract.ts";
import type { RevokeLeasesResponse } from "../../gen/beach/controller/v1/fast_path_registry_pb.js";
import { callingOptions, openCalling } from "../calling/calling.ts";
import { currentState } from "../calling/current-state.ts";
import { badUsage, exitCodes, failureOf } from "../failure.ts";
import { oneSession, readArguments } from "../terminal/arguments.ts";
import { decline, isConfirmed } from "../terminal/confirm.ts";
import { parseDuration } from "../terminal/durations.ts";
import type { Output } from "../terminal/output.ts";

const options = {
  ...callingOptions,
  session: { type: "string" },
  lease: { type: "string", multiple: true, default: [] as string[] },
  hold: { type: "string" },
  reason: { type: "string", default: "operator" },
  yes: { type: "boolean", short: "y", default: false },
} as const;

const holdMsMax = 86_400_000;

/** `revoke`: ends leases of a session at once, and blocks new ones for a while. */
export async function revoke(args: readonly string[], output: Output): Promise<number> {
  const { options: given, positionals } = readArguments(args, options);
  const sessionId = oneSession(positionals, given);
  const holdMs = given.hold === undefined ? undefined : parseDuration("--hold", given.hold);
  if ((holdMs ?? 0) > holdMsMax) throw badUsage(`--hold is "${given.hold}": it may be up to 24h`);
  using calling = openCalling(given);
  const place = { ...calling.place, sessionId };
  const leases = given.lease.length;
  const live = given.yes ? 0 : (await currentState(calling, sessionId)).liveLeases;
  const which = leases > 0 ? `${leases} named of ${live}` : `all ${live}`;
  const question = `End ${which} live leases of ${sessionId}? ${holdWords(holdMs)}.`;
  if (!(await isConfirmed(question, given.yes))) return decline(output);
  const request = {
    sessionId,
    reason: given.reason,
    leaseIds: given.lease,
    ...(holdMs === undefined ? {} : { hold: durationFromMs(holdMs) }),
  };
  const answer = await createClient(FastPathRegistry, calling.transport)
    .revokeLeases(request, { timeoutMs: place.timeoutMs })
    .catch((error: unknown) => {
      throw failureOf(error, place);
    });
  if (given.json) await output.json(toJson(sessionId, answer));
  else await output.line(`${sessionId}: ${toWords(answer)}. ${holdWords(holdMs)}.`);
  return exitCodes.done;
}

function holdWords(holdMs: number | undefined): string {
  if (holdMs === 0) return "Every hold in force is lifted";
  return `New ones are blocked for ${holdMs === undefined ? "a minute" : `${holdMs / 1000} s`}`;
}

function toWords({ revoked, unknown }: RevokeLeasesResponse): string {
  const ended = `ended ${revoked} ${revoked === 1 ? "lease" : "leases"}`;
  return unknown === 0 ? ended : `${ended}; ${unknown} of the named ones are not known there`;
}

function toJson(
  sessionId: string,
  { revoked, unknown, sessionHeld }: RevokeLeasesResponse,
): object {
  return { session: sessionId, revoked, unknown, session_held: sessionHeld };
}
