import type { DescMethod } from "@bufbuild/protobuf";

import type { CallAfter } from "../door.ts";
import type { HeldBytes } from "../held-bytes.ts";
import type { Intake, PackedBytes, ReadMessage } from "../intake/intake.ts";
import type { Outbox } from "../outbox.ts";
import type { UntypedHandler } from "../served-service.ts";

/** What bounds the calls of a door. */
export interface Ways {
  readonly intake: Intake;
  readonly outbox: Outbox;
  /** Tells when the deadline of a call has passed. */
  readonly callAfter: CallAfter;
}

/** A method of the door, and how its messages are read and written. */
export interface GrpcMethod extends Ways {
  readonly kind: Exclude<DescMethod["methodKind"], "client_streaming">;
  readonly handler: UntypedHandler;
  /** Throws the refusal of a message that cannot be read; no promise for most that can. */
  read(packed: PackedBytes, held: HeldBytes): ReadMessage | Promise<ReadMessage>;
  /** An answer in its envelope. */
  encode(answer: unknown): Buffer;
}
