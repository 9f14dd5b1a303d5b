import type { DescMessage, MessageShape } from "@bufbuild/protobuf";

import {
  countMessage,
  type MessageFormat,
  readSmallMessage,
  refuseLongMessage,
} from "../../api/request/read-message.ts";
import type { Budgets } from "../../budget/budgets.ts";
import type { ConnectionTurns } from "../connections/connection-turns.ts";
import type { Work } from "../connections/waiting-work.ts";
import { ConnectionBudgets, type HeldBytes } from "../held-bytes.ts";
import type { Closable } from "../when-closed.ts";
import { type Encoding, Unpacker } from "./unpack.ts";

/** The bytes of a message as they came. */
export interface PackedBytes {
  readonly bytes: Uint8Array;
  /** Undefined for one that is not packed. */
  readonly encoding: Encoding | undefined;
}

/** A message of a request as it came. */
export interface PackedMessage extends PackedBytes {
  readonly desc: DescMessage;
  readonly format: MessageFormat;
}

export interface ReadMessage<Message = unknown> {
  readonly message: Message;
  /** What it takes beside the bytes that came. */
  readonly heldBytes: number;
}

const action = "read the request";

/** A message above this size takes longer than most calls: it waits for its turn. */
const largeBytes = 16 * 1024;

/** Up to this size a message cannot have so many fields that reading it takes more than a turn. */
const smallBytes = 4_096;

/** About what a field takes in memory once it has been read, beside its bytes. */
const bytesPerField = 64;

/**
 * Takes in what callers send: what is held until a call is answered is bounded, and a message is
 * measured before it is unpacked and counted before it is read.
 */
export class Intake {
  readonly budgets: Budgets;
  readonly #turns: ConnectionTurns;
  readonly #unpacker: Unpacker;
  readonly #held: ConnectionBudgets;

  constructor(budgets: Budgets, turns: ConnectionTurns) {
    this.budgets = budgets;
    this.#turns = turns;
    this.#held = new ConnectionBudgets(budgets, "request_bytes", "connection_request_bytes");
    this.#unpacker = new Unpacker(budgets);
  }

  /**
   * Begins to hold bytes of one call, until what it is answered by closes.
   *
   * @param connection its socket or session: what one sends is limited by itself
   */
  open(connection: object | undefined, answer: Closable): HeldBytes {
    return this.#held.open(connection ?? this, answer, action);
  }

  /** The same for a call that ends what is held by itself. */
  hold(connection: object): HeldBytes {
    return this.#held.hold(connection, action);
  }

  /** Begins to answer a call, whose message has come, when its connection has a turn. */
  begin(connection: object, answer: Work): void {
    this.#turns.begin(connection, answer);
  }

  /**
   * The turn of a message on a stream that is open: many may come in one read. Undefined while this
   * turn has room, as it nearly always has.
   */
  turn(connection: object): Promise<void> | undefined {
    if (this.#turns.hasRoom(connection)) return undefined;
    return new Promise((resolve) => {
      this.#turns.wait(connection, () => {
        resolve();
        return true;
      });
    });
  }

  /**
   * Reads a message like {@link read}, in this turn, without a promise: one in binary that is small
   * and not packed, as nearly all are. Undefined for others, of which nothing was read.
   */
  readNow(
    { desc, format, bytes, encoding }: PackedMessage,
    held: HeldBytes,
  ): ReadMessage<MessageShape<DescMessage>> | undefined {
    const isReady = format === "binary" && encoding === undefined && bytes.length <= smallBytes;
    if (!isReady) return undefined;
    const { message, fields } = readSmallMessage(desc, bytes, this.budgets);
    const heldBytes = fields * bytesPerField;
    held.take(heldBytes);
    return { message, heldBytes };
  }

  /** Reads a message for a call that holds it; throws the refusal of one that cannot be read. */
  async read(
    { desc, format, bytes: packed, encoding }: PackedMessage,
    held: HeldBytes,
  ): Promise<ReadMessage<MessageShape<DescMessage>>> {
    const bytes =
      encoding === undefined ? packed : await this.#unpacker.unpack(packed, { encoding, held });
    const turn = (): Promise<void> => this.#turns.next(held.connection);
    if (bytes.length > largeBytes) await turn();
    const counted = countMessage({ desc, bytes, format }, this.budgets);
    const heldBytes = bytes.length - packed.length + counted.fields * bytesPerField;
    held.take(heldBytes);
    return { message: await counted.read(turn), heldBytes };
  }

  /** Unpacks a question to reflection, which is short; throws the refusal of one that is not. */
  async unpackQuestion(
    packed: Uint8Array,
    encoding: Encoding | undefined,
    held: HeldBytes,
  ): Promise<Uint8Array> {
    const max = this.budgets.limit("reflection_bytes");
    const bytes =
      encoding === undefined
        ? packed
        : await this.#unpacker.unpack(packed, { encoding, held }, "reflection_bytes");
    return bytes.length <= max ? bytes : refuseLongMessage(this.budgets, "reflection_bytes");
  }
}
