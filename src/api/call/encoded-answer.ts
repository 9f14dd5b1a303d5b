/**
 * An answer that writes itself in protobuf's binary encoding. For every other encoding it is a
 * message like any, with the fields of its schema.
 */
export abstract class EncodedAnswer {
  /** The whole message, as protobuf would write it. */
  abstract toBinary(): Uint8Array;
}
