const prefixBytes = 5;

/** A message as gRPC, gRPC-Web and streams of Connect send it: behind its flags and its length. */
export function enveloped(message: Uint8Array, flags = 0): Buffer {
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt8(flags);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}
