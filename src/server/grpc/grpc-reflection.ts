import { EventEmitter } from "node:events";

import { type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { MethodDefinition, Server, ServiceDefinition } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";

import { refuseMessage } from "../../api/request/read-message.ts";
import { enveloped } from "../intake/envelopes.ts";
import type { GrpcMethod, Ways } from "./grpc-method.ts";
import type { GrpcMethods } from "./grpc-methods.ts";

/** Lets clients list the services and read their whole schema. */
export function reflectionMethods(services: readonly DescService[], ways: Ways): GrpcMethods {
  const files = new Set<DescFile>();
  for (const { file } of services) collect(file, files);
  const fileDescriptorProtos = [...files].map((file) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)),
  );
  // The library reads the descriptors of type entries alone; of what type they are is all one.
  const format = "Protocol Buffer 3 EnumDescriptorProto";
  const everything = { format, type: {}, fileDescriptorProtos } as const;
  const methods = new Map<string, GrpcMethod>();
  const door = {
    addService(service: ServiceDefinition, answers: Readonly<Record<string, Answer>>): void {
      for (const [name, definition] of Object.entries(service)) {
        const answer = answers[name];
        if (answer === undefined) throw new Error("the library answers nothing");
        methods.set(definition.path, reflection(definition, answer, ways));
      }
    },
  };
  new ReflectionService({ everything }).addToServer(door as unknown as Server);
  return methods;
}

type Answer = (stream: unknown) => void;

function reflection(
  { requestDeserialize, responseSerialize }: MethodDefinition<unknown, unknown>,
  answer: Answer,
  ways: Ways,
): GrpcMethod {
  return {
    ...ways,
    kind: "bidi_streaming",
    handler: (questions) => answerInTurn(answer, questions as AsyncIterable<unknown>),
    async read({ bytes, encoding }, held) {
      const question = await ways.intake.unpackQuestion(bytes, encoding, held);
      try {
        return { message: requestDeserialize(Buffer.from(question)), heldBytes: 0 };
      } catch {
        return refuseMessage("must be in protobuf's binary encoding");
      }
    },
    encode: (answer) => enveloped(responseSerialize(answer)),
  };
}

/**
 * Answers one question after the other, as they are read: the library would answer all that come,
 * and keep the answers, each a thousand times as long as its question.
 */
async function* answerInTurn(
  answer: Answer,
  questions: AsyncIterable<unknown>,
): AsyncGenerator<unknown> {
  const asked = new EventEmitter();
  let answered: unknown;
  const write = (one: unknown): void => {
    answered = one;
  };
  answer(Object.assign(asked, { write, end: noop }));
  for await (const question of questions) {
    asked.emit("data", question);
    yield answered;
  }
}

function noop(): void {
  // The end of the questions is the end of the answers.
}

function collect(file: DescFile, into: Set<DescFile>): void {
  if (into.has(file)) return;
  into.add(file);
  for (const dependency of file.dependencies) collect(dependency, into);
}
