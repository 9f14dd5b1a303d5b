import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";

/** A message of an answer in binary. */
export function encode(desc: DescMessage, message: unknown): Buffer {
  const bytes = toBinary(desc, create(desc, message as MessageInitShape<DescMessage>));
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
