import { create, type MessageInitShape, toBinary, toJsonString } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

import type { Session } from "../../core/session.ts";
import type { DurationMs, EpochMs } from "../../core/time.ts";
import {
  SessionGoneSchema,
  WatchTransportResponseSchema,
} from "../../gen/beach/controller/v1/controller_lease_pb.js";
import { TransportStateSchema } from "../../gen/beach/controller/v1/transport_pb.js";
import type { WatchMessage } from "../../service/lease-service.ts";
import { WireWriter } from "../call/wire-writer.ts";
import { toDuration } from "../moments.ts";
import {
  presentAges,
  presentLasting,
  presentTransport,
  type TimeSource,
} from "../transport/present-transport.ts";

type Response = MessageInitShape<typeof WatchTransportResponseSchema>;
type Gone = Extract<WatchMessage, { kind: "gone" }>;

export function presentMessage(message: WatchMessage, time: TimeSource): Response {
  switch (message.kind) {
    case "state":
      return {
        event: { case: "state", value: presentTransport(message.session, time) },
        coalesced: message.coalesced,
      };
    case "gone":
      return {
        event: { case: "gone", value: { sessionId: message.sessionId, reason: message.reason } },
        coalesced: message.coalesced,
      };
    case "bookmark": {
      const repeatsEvery = toDuration(message.repeatsEveryMs);
      return { event: { case: "bookmark", value: { repeatsEvery } } };
    }
    case "bearer_expiring": {
      const expiresIn = toDuration(message.expiresInMs);
      return { event: { case: "bearerExpiring", value: { expiresIn } } };
    }
    case "draining": {
      const reconnectAfter = toDuration(message.reconnectAfterMs);
      return { event: { case: "draining", value: { reconnectAfter } } };
    }
  }
}

interface EncodedState {
  /** All of the state that time alone does not change. */
  readonly lasting: Uint8Array;
  /** How far the wall clock was ahead of service time when its moments were translated. */
  readonly aheadMs: DurationMs;
  /** The whole message in its envelope, and the moment as of which its ages are. */
  readonly envelope: Buffer;
  readonly at: EpochMs;
}

interface WrittenState {
  readonly aheadMs: DurationMs;
  readonly envelope: Buffer;
  readonly at: EpochMs;
}

/**
 * The messages of many streams as bytes, each in its envelope, which is the same in all protocols.
 * A changed record is serialised once for all its readers. Only ages and running delays depend on
 * the moment. They are serialised once for each millisecond in which a message is sent, which is
 * the resolution of service time.
 *
 * Moments are serialised anew when the wall clock has been stepped.
 *
 * Binary parts are put together as bytes because protobuf reads concatenated encodings as one
 * message.
 */
export class EncodedMessages {
  readonly #time: TimeSource;
  readonly #binary = new WeakMap<Session, EncodedState>();
  readonly #json = new WeakMap<Session, WrittenState>();
  readonly #writer = new WireWriter(256);

  constructor(time: TimeSource) {
    this.#time = time;
  }

  encode(message: WatchMessage, format: "binary" | "json"): Buffer {
    if (message.kind === "state" && message.coalesced === 0) {
      return format === "json" ? this.#jsonOf(message) : this.#binaryOf(message.session);
    }
    if (format === "json") return this.#asJson(message);
    if (message.kind === "state") {
      const state = this.#binaryOf(message.session).subarray(prefixBytes);
      return enveloped(state, encodedCount(message.coalesced));
    }
    if (message.kind === "gone") return this.#goneOf(message);
    const shown = create(WatchTransportResponseSchema, presentMessage(message, this.#time));
    return enveloped(toBinary(WatchTransportResponseSchema, shown));
  }

  /** A watch may name a thousand sessions that nobody knows. */
  #goneOf({ sessionId, reason, coalesced }: Gone): Buffer {
    const { gone, coalesced: count } = WatchTransportResponseSchema.field;
    const writer = this.#writer;
    writer.restart();
    const start = writer.begin(gone.number);
    writer.text(SessionGoneSchema.field.sessionId.number, sessionId);
    writer.text(SessionGoneSchema.field.reason.number, reason);
    writer.end(start);
    if (coalesced > 0) writer.number(count.number, coalesced);
    return enveloped(writer.written());
  }

  #binaryOf(session: Session): Buffer {
    const at = this.#time.now();
    const aheadMs = this.#time.toWall(0);
    const known = this.#binary.get(session);
    const earlier = known?.aheadMs === aheadMs ? known : undefined;
    if (earlier?.at === at) return earlier.envelope;
    const lasting = earlier?.lasting ?? encodedPart(presentLasting(session, this.#time));
    const envelope = enveloped(wrapped(lasting, encodedPart(presentAges(session, this.#time))));
    this.#binary.set(session, { lasting, aheadMs, envelope, at });
    return envelope;
  }

  #jsonOf(message: Extract<WatchMessage, { kind: "state" }>): Buffer {
    const at = this.#time.now();
    const aheadMs = this.#time.toWall(0);
    const earlier = this.#json.get(message.session);
    if (earlier?.at === at && earlier.aheadMs === aheadMs) return earlier.envelope;
    const envelope = this.#asJson(message);
    this.#json.set(message.session, { envelope, aheadMs, at });
    return envelope;
  }

  #asJson(message: WatchMessage): Buffer {
    const shown = create(WatchTransportResponseSchema, presentMessage(message, this.#time));
    return enveloped(Buffer.from(toJsonString(WatchTransportResponseSchema, shown)));
  }
}

/** In front of a message: a byte of flags, none of which is set, and its length. */
const prefixBytes = 5;

function enveloped(...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const envelope = Buffer.allocUnsafe(prefixBytes + length);
  envelope.writeUInt8(0);
  envelope.writeUInt32BE(length, 1);
  let at = prefixBytes;
  for (const part of parts) {
    envelope.set(part, at);
    at += part.length;
  }
  return envelope;
}

function encodedPart(part: MessageInitShape<typeof TransportStateSchema>): Uint8Array {
  return toBinary(TransportStateSchema, create(TransportStateSchema, part));
}

/** A response whose state is the two parts. */
function wrapped(lasting: Uint8Array, ages: Uint8Array): Uint8Array {
  return new BinaryWriter()
    .tag(WatchTransportResponseSchema.field.state.number, WireType.LengthDelimited)
    .uint32(lasting.length + ages.length)
    .raw(lasting)
    .raw(ages)
    .finish();
}

/** A response that only says how many states were merged. */
function encodedCount(coalesced: number): Uint8Array {
  return toBinary(
    WatchTransportResponseSchema,
    create(WatchTransportResponseSchema, { coalesced }),
  );
}
