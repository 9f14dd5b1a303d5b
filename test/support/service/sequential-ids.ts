import type { IdSource } from "../../../src/service/id-source.ts";

/** Ids that count, and jitter in the middle: a run that is the same every time. */
export function sequentialIds(): IdSource {
  let count = 0;
  return {
    leaseId: () => `lease-${++count}`,
    jitter: () => 0.5,
    handshakeBits: () => (++count).toString(16).padStart(19, "0"),
  };
}
