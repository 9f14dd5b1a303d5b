import { createClient } from "@connectrpc/connect";

import { ControllerLease, type TransportState } from "../../client/contract.ts";
import { exitCodes, Failure, failureOf, unknownSession } from "../failure.ts";
import type { Calling } from "./calling.ts";

/** The state of a session now. Throws a Failure, also when the session is not known. */
export async function currentState(calling: Calling, sessionId: string): Promise<TransportState> {
  const place = { ...calling.place, sessionId };
  const client = createClient(ControllerLease, calling.transport);
  const enough = new AbortController();
  // Unlike the timer of `timeoutMs`, which a stream that is left early keeps, it holds no process up.
  const late = AbortSignal.timeout(place.timeoutMs);
  const asked = { signal: AbortSignal.any([enough.signal, late]) };
  try {
    for await (const { event } of client.watchTransport({ sessionIds: [sessionId] }, asked)) {
      if (event.case === "state") return event.value;
      if (event.case === "gone") throw unknownSession(sessionId);
    }
  } catch (error) {
    throw failureOf(error, place);
  } finally {
    enough.abort();
  }
  throw new Failure(`${place.address} ended the answer early`, { exitCode: exitCodes.failed });
}
