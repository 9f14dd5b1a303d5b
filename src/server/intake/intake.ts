import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";

import { refusalToConnectError } from "../../api/refusal/error-mapping.ts";
import {
  countMessage,
  type MessageFormat,
  refuseLongMessage,
} from "../../api/request/read-message.ts";
import type { Budget, Budgets } from "../../budget/budgets.ts";
import { type Encoding, Unpacker } from "./unpack.ts";

/** A message of a request as it came. */
export interface PackedMessage {
  readonly desc: DescMessage;
  readonly format: MessageFormat;
  readonly bytes: Uint8Array;
  /** Undefined for one that is not packed. */
  readonly encoding: Encoding | undefined;
}

interface ReadMessage {
  readonly message: MessageShape<DescMessage>;
  /** What it takes beside the bytes that came. */
  readonly heldBytes: number;
}

/** About what a field takes in memory once it has been read, beside its bytes. */
const bytesPerField = 64;

/**
 * Takes in what callers send: what is held until a call is answered is bounded, and a message is
 * measured before it is unpacked and counted before it is read.
 */
export class Intake {
  readonly budgets: Budgets;
  readonly #process: Budget;
  readonly #unpacker: Unpacker;
  readonly #connections = new WeakMap<object, Budget>();

  constructor(budgets: Budgets) {
    this.budgets = budgets;
    this.#process = budgets.shared("request_bytes");
    this.#unpacker = new Unpacker(budgets);
  }

  /**
   * Begins to hold bytes of one call.
   *
   * @param connection its socket or session: what one sends is limited by itself
   */
  open(connection: object | undefined): HeldBytes {
    return new HeldBytes(this.#process, this.#of(connection ?? this));
  }

  /** Reads a message for a call that holds it; throws the refusal of one that cannot be read. */
  async read(
    { desc, format, bytes: packed, encoding }: PackedMessage,
    held: HeldBytes,
  ): Promise<ReadMessage> {
    const bytes = encoding === undefined ? packed : await this.#unpacker.unpack(packed, encoding);
    const counted = countMessage({ desc, bytes, format }, this.budgets);
    const heldBytes = bytes.length - packed.length + counted.fields * bytesPerField;
    held.take(heldBytes);
    return { message: await counted.read(), heldBytes };
  }

  /** Unpacks a question to reflection, which is short; throws the refusal of one that is not. */
  async unpackQuestion(packed: Uint8Array, encoding: Encoding | undefined): Promise<Uint8Array> {
    const max = this.budgets.limit("reflection_bytes");
    const bytes =
      encoding === undefined
        ? packed
        : await this.#unpacker.unpack(packed, encoding, "reflection_bytes");
    return bytes.length <= max ? bytes : refuseLongMessage(this.budgets, "reflection_bytes");
  }

  #of(connection: object): Budget {
    const known = this.#connections.get(connection);
    if (known !== undefined) return known;
    const budget = this.budgets.each("connection_request_bytes");
    this.#connections.set(connection, budget);
    return budget;
  }
}

/** What one call holds. Everything is given back at the latest when the call is over. */
export class HeldBytes {
  readonly #process: Budget;
  readonly #connection: Budget;
  #held = 0;
  #isOver = false;

  constructor(process: Budget, connection: Budget) {
    this.#process = process;
    this.#connection = connection;
  }

  /** Throws TOO_MANY where the connection, or all of them together, would hold too much. */
  take(bytes: number): void {
    if (this.#isOver) return;
    if (!this.#connection.take(bytes)) throw spent("connection_request_bytes");
    if (!this.#process.take(bytes)) {
      this.#connection.giveBack(bytes);
      throw spent("request_bytes");
    }
    this.#held += bytes;
  }

  giveBack(bytes: number): void {
    if (this.#isOver) return;
    this.#held -= bytes;
    this.#connection.giveBack(bytes);
    this.#process.giveBack(bytes);
  }

  /** Gives back what is still held; the call takes no more. */
  end(): void {
    this.giveBack(this.#held);
    this.#isOver = true;
  }
}

function spent(what: "connection_request_bytes" | "request_bytes"): ConnectError {
  return refusalToConnectError(
    { reason: "TOO_MANY", what, retryAfterMs: 1_000 },
    "read the request",
  );
}
