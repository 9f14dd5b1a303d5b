import type { MessageInitShape } from "@bufbuild/protobuf";

import type { SessionId } from "../../core/ids.ts";
import type { DurationMs, EpochMs } from "../../core/time.ts";
import {
  HandshakeKind,
  type KeepAliveResult,
  type KeepAliveResultSchema,
} from "../../gen/beach/controller/v1/controller_lease_pb.js";
import type { TransportPath } from "../../gen/beach/controller/v1/transport_pb.js";
import type { WireWriter } from "../call/wire-writer.ts";
import { toDuration, toTimestamp, wholeDuration, wholeMoment } from "../moments.ts";

/** A result as a handler makes it. */
export type ResultInit = Exclude<MessageInitShape<typeof KeepAliveResultSchema>, KeepAliveResult>;

interface KeptValues {
  readonly sessionId: SessionId;
  /** On the wall clock. */
  readonly expiresAt: EpochMs;
  readonly expiresInMs: DurationMs;
  readonly renewAfterMs: DurationMs;
  readonly generation: number;
  readonly path: TransportPath;
}

/** The result of a renewal of a batch that was refreshed, as nearly all are: plain values. */
export class Kept {
  readonly #values: KeptValues;

  constructor(values: KeptValues) {
    this.#values = values;
  }

  toMessage(): ResultInit {
    const { sessionId, expiresAt, expiresInMs, renewAfterMs, generation, path } = this.#values;
    return {
      sessionId,
      expiresAt: toTimestamp(expiresAt),
      expiresIn: toDuration(expiresInMs),
      renewAfter: toDuration(renewAfterMs),
      handshakeKind: HandshakeKind.REFRESH,
      generation: BigInt(generation),
      path,
    };
  }

  /** Writes the fields of {@link toMessage} in the order of their numbers. */
  write(out: WireWriter): void {
    const { sessionId, expiresAt, expiresInMs, renewAfterMs, generation, path } = this.#values;
    out.ascii(1, sessionId);
    out.milliseconds(2, wholeMoment(expiresAt));
    out.milliseconds(3, wholeDuration(expiresInMs));
    out.milliseconds(4, wholeDuration(renewAfterMs));
    out.number(5, HandshakeKind.REFRESH);
    if (generation > 0) out.number(8, generation);
    if (path > 0) out.number(9, path);
  }
}
