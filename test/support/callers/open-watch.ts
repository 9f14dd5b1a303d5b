import type { TransportState } from "../../../src/gen/beach/controller/v1/transport_pb.js";
import type { Reach } from "../process/run-service.ts";

/** One watch stream, as it came: nobody opens another when it ends. */
export interface OpenWatch extends AsyncDisposable {
  /** Every state received, oldest first. */
  readonly states: readonly TransportState[];
  /** What ended it; undefined while it is open. */
  readonly end: unknown;
  /** The newest state of the session; undefined before the first. */
  newest(sessionId: string): TransportState | undefined;
}

/** Opens a stream on the sessions, and resolves with its first bookmark. */
export async function openWatch(
  { lease }: Pick<Reach, "lease">,
  sessionIds: readonly string[],
): Promise<OpenWatch> {
  const stop = new AbortController();
  const states: TransportState[] = [];
  let end: unknown;
  const read = async (begin: () => void): Promise<void> => {
    const request = { sessionIds: [...sessionIds] };
    for await (const { event } of lease.watchTransport(request, { signal: stop.signal })) {
      if (event.case === "state") states.push(event.value);
      if (event.case === "bookmark") begin();
    }
    throw new Error("the stream ended");
  };
  const begun = new Promise<void>((resolve, reject) => {
    read(resolve).catch((why: unknown) => {
      end = why;
      reject(why);
    });
  });
  await begun;
  return {
    states,
    get end() {
      return end;
    },
    newest: (sessionId) => states.findLast((state) => state.sessionId === sessionId),
    async [Symbol.asyncDispose]() {
      stop.abort();
    },
  };
}
