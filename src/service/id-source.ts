import { randomBytes, randomUUID } from "node:crypto";

import type { Entropy } from "../core/command.ts";
import type { LeaseId } from "../core/ids.ts";

/** The source of randomness: ids that cannot be guessed, and jitter. */
export interface IdSource extends Entropy {
  leaseId(): LeaseId;
}

export const randomIds: IdSource = {
  // V8 keeps a fresh UUID as a tree of its parts, which costs 700 B more for as long as it lives.
  leaseId: () => Buffer.from(randomUUID(), "latin1").toString("latin1"),
  jitter: () => Math.random(),
  handshakeBits: () => randomBytes(10).toString("hex").slice(0, 19),
};
