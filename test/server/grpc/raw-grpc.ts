import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";

/** A client that knows nothing of the services: paths and bytes. */
export interface RawGrpc extends Disposable {
  /** Resolves with the answer's bytes; rejects with grpc-js's own error. */
  unary(path: string, bytes: Uint8Array): Promise<Uint8Array>;
  /** One question after the other to server reflection; resolves with all that was answered. */
  reflect(questions: readonly Question[]): Promise<readonly Reflected[]>;
}

type Question =
  | { readonly kind: "list services" }
  | { readonly kind: "file containing symbol"; readonly symbol: string };

/** Names of services, or file descriptors. */
interface Reflected {
  readonly services: readonly string[];
  readonly files: readonly Uint8Array[];
}

export function rawGrpc(address: string): RawGrpc {
  const client = new Client(address, credentials.createInsecure());
  return {
    unary: (path, bytes) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          path,
          asBuffer,
          unchanged,
          bytes,
          (error: ServiceError | null, answer?: Uint8Array) =>
            error === null ? resolve(answer ?? new Uint8Array()) : reject(error),
        );
      }),
    async reflect(questions) {
      const call = client.makeBidiStreamRequest(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        asBuffer,
        unchanged,
      );
      for (const question of questions) call.write(encode(question));
      call.end();
      const answers: Reflected[] = [];
      for await (const bytes of call) answers.push(decode(bytes));
      return answers;
    },
    [Symbol.dispose]: () => client.close(),
  };
}

/** Field numbers of grpc/reflection/v1/reflection.proto. */
const request = { fileContainingSymbol: 4, listServices: 7 } as const;
const response = { fileDescriptors: 4, services: 6 } as const;

function encode(question: Question): Uint8Array {
  const writer = new BinaryWriter();
  const [field, text] =
    question.kind === "list services"
      ? [request.listServices, "*"]
      : [request.fileContainingSymbol, question.symbol];
  return writer
    .uint32((field << 3) | 2)
    .string(text)
    .finish();
}

function decode(bytes: Uint8Array): Reflected {
  const fields = lengthDelimited(bytes);
  return {
    services: fields
      .filter(({ field }) => field === response.services)
      .flatMap(({ value }) => lengthDelimited(value))
      .flatMap(({ value }) => lengthDelimited(value))
      .map(({ value }) => new TextDecoder().decode(value)),
    files: fields
      .filter(({ field }) => field === response.fileDescriptors)
      .flatMap(({ value }) => lengthDelimited(value))
      .map(({ value }) => value),
  };
}

function lengthDelimited(bytes: Uint8Array): { field: number; value: Uint8Array }[] {
  const reader = new BinaryReader(bytes);
  const found = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type === 2) found.push({ field, value: reader.bytes() });
    else reader.skip(type);
  }
  return found;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes);
}

function unchanged(bytes: Buffer): Uint8Array {
  return bytes;
}
