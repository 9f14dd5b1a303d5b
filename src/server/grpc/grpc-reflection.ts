import { EventEmitter } from "node:events";

import { type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { Server, ServerDuplexStream, ServiceDefinition } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";

/** Lets clients list the services and read their whole schema. */
export function addReflection(server: Server, services: readonly DescService[]): void {
  const files = new Set<DescFile>();
  for (const { file } of services) collect(file, files);
  const fileDescriptorProtos = [...files].map((file) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)),
  );
  // The library reads the descriptors of type entries alone; of what type they are is all one.
  const format = "Protocol Buffer 3 EnumDescriptorProto";
  const everything = { format, type: {}, fileDescriptorProtos } as const;
  const paced = {
    addService: (service: ServiceDefinition, { ServerReflectionInfo: answer = missing }: Answers) =>
      server.addService(service, { ServerReflectionInfo: answerInTurn(answer) }),
  };
  new ReflectionService({ everything }).addToServer(paced as unknown as Server);
}

type Reflection = ServerDuplexStream<unknown, unknown>;
type Answer = (stream: unknown) => void;
type Answers = Readonly<Record<string, Answer>>;

function missing(): never {
  throw new Error("the library answers nothing");
}

/**
 * Answers one question after the other, as they are read: the library would answer all that come,
 * and keep the answers, each a thousand times as long as its question. By events, since a loop over
 * the call would make an error of its end, and thousands may end at once.
 */
function answerInTurn(answer: Answer): (call: Reflection) => void {
  return (call) => {
    const questions = new EventEmitter();
    const write = (one: unknown): void => {
      call.pause();
      call.write(one, () => call.resume());
    };
    answer(Object.assign(questions, { write, end: noop }));
    call.on("data", (question) => questions.emit("data", question));
    call.on("end", () => call.end());
    call.on("error", noop);
  };
}

function noop(): void {
  // The caller has gone.
}

function collect(file: DescFile, into: Set<DescFile>): void {
  if (into.has(file)) return;
  into.add(file);
  for (const dependency of file.dependencies) collect(dependency, into);
}
