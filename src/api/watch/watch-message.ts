import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

import type { Session } from "../../core/session.ts";
import type { DurationMs, EpochMs } from "../../core/time.ts";
import { WatchTransportResponseSchema } from "../../gen/beach/controller/v1/controller_lease_pb.js";
import { TransportStateSchema } from "../../gen/beach/controller/v1/transport_pb.js";
import type { WatchMessage } from "../../service/lease-service.ts";
import { toDuration } from "../moments.ts";
import {
  presentAges,
  presentLasting,
  presentTransport,
  type TimeSource,
} from "../transport/present-transport.ts";

type Response = MessageInitShape<typeof WatchTransportResponseSchema>;

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
    case "draining": {
      const reconnectAfter = toDuration(message.reconnectAfterMs);
      return { event: { case: "draining", value: { reconnectAfter } } };
    }
  }
}

interface EncodedState {
  /** All of the state that time alone does not change. */
  readonly lasting: Uint8Array;
  /** How far the wall clock was ahead of service time by which its moments are told. */
  readonly aheadMs: DurationMs;
  /** The whole message, and the moment as of which its ages are. */
  readonly message: Uint8Array;
  readonly at: EpochMs;
}

/**
 * The messages of many streams as bytes. What a change left is serialised once for all its readers:
 * they are told of the same record, which never changes. Only ages, and delays that run out, depend
 * on the moment; they are serialised once for each millisecond in which anybody is told, which is
 * as fine as service time and ages are, so that they are as of each message.
 *
 * Moments are serialised anew when the wall clock has been stepped.
 *
 * The parts are put together as bytes because protobuf reads concatenated encodings as one message.
 */
export class EncodedMessages {
  readonly #time: TimeSource;
  readonly #states = new WeakMap<Session, EncodedState>();

  constructor(time: TimeSource) {
    this.#time = time;
  }

  encode(message: WatchMessage): Uint8Array {
    if (message.kind !== "state") {
      return toBinary(
        WatchTransportResponseSchema,
        create(WatchTransportResponseSchema, presentMessage(message, this.#time)),
      );
    }
    const state = this.#stateOf(message.session);
    return message.coalesced === 0 ? state : joined(state, encodedCount(message.coalesced));
  }

  #stateOf(session: Session): Uint8Array {
    const at = this.#time.now();
    const aheadMs = this.#time.toWall(0);
    const known = this.#states.get(session);
    const earlier = known?.aheadMs === aheadMs ? known : undefined;
    if (earlier?.at === at) return earlier.message;
    const lasting = earlier?.lasting ?? encodedPart(presentLasting(session, this.#time));
    const message = wrapped(lasting, encodedPart(presentAges(session, this.#time)));
    this.#states.set(session, { lasting, aheadMs, message, at });
    return message;
  }
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

/** A response that says nothing but how many states were merged. */
function encodedCount(coalesced: number): Uint8Array {
  return toBinary(
    WatchTransportResponseSchema,
    create(WatchTransportResponseSchema, { coalesced }),
  );
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
