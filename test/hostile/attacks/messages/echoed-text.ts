import type { Attack } from "../../attack.ts";
import { untilOver } from "../../tools/at-once.ts";
import { grpcCaller, longRefusal } from "../../tools/grpc-caller.ts";
import { httpCaller } from "../../tools/http-caller.ts";
import { healthPath, pathOf } from "../../tools/messages.ts";

/** Field 1, with its length behind it as a varint of three bytes. */
function named(text: string): Buffer {
  const { length } = text;
  const prefix = Buffer.of(0x0a, (length & 127) | 128, ((length >> 7) & 127) | 128, length >> 14);
  return Buffer.concat([prefix, Buffer.from(text)]);
}

const answerBytesMax = 16_384;

export const longServiceName: Attack = {
  name: "long-service-name",
  sends: "a health check for a service with a name of 60 kB, beside other calls on its connection",
  right: "no text of a caller goes back unbounded: the call is refused and the connection lives",
  form: "long",
  refusedAs: ["grpc 5", "grpc 3"],
  async run({ addresses, outcomes, signal, wrong }) {
    using caller = await grpcCaller(addresses.grpc, outcomes);
    using http = httpCaller(addresses.http, outcomes, 4);
    const name = "n".repeat(60_000);
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ service: name });
    await untilOver(2, signal, async (index) => {
      if (caller.session.destroyed || caller.session.closed) {
        wrong("the whole connection was ended");
        return;
      }
      await caller.unary(`${healthPath}Check`, named(index % 2 === 0 ? name : "unknown"));
      const answer = await http.call({ path: `${healthPath}Check`, headers, body });
      if (answer.length > answerBytesMax) wrong(`a refusal of ${answer.length} bytes`);
      if (longRefusal in outcomes.counts) wrong(`over gRPC, ${longRefusal}`);
    });
  },
};

export const longPaths: Attack = {
  name: "long-paths",
  sends:
    "paths, methods and queries of 10 kB on the public and the ops door, and unknown gRPC methods",
  right: "refused without repeating them",
  form: "long",
  async run({ addresses, outcomes, signal, wrong }) {
    using http = httpCaller(addresses.http, outcomes, 8);
    using ops = httpCaller(addresses.ops, outcomes, 8);
    using grpc = await grpcCaller(addresses.grpc, outcomes);
    const long = "p".repeat(10_000);
    const paths = [
      `/${long}`,
      `${pathOf("renew")}${long}`,
      `/sessions/${long}/controller-handshake`,
      `/sessions/%zz${long}/controller-handshake`,
      `/beach.controller.v1.ControllerLease/${long}`,
      `${pathOf("renew")}?connect=v1&encoding=${long}&message=${long.slice(0, 100)}`,
    ];
    const headers = { "content-type": "application/json" };
    await untilOver(8, signal, async (index) => {
      const path = paths[index % paths.length] ?? "";
      const answers = await Promise.all([
        http.call({ path, headers, body: "{}" }),
        ops.call({ path: `${path}`, method: "GET" }),
      ]);
      await grpc.unary(
        `/beach.controller.v1.ControllerLease/${long.slice(0, 5_000)}`,
        Buffer.alloc(0),
      );
      for (const answer of answers) {
        if (answer.includes("p".repeat(500))) wrong(`a refusal repeats ${path.slice(0, 40)}…`);
      }
      if (longRefusal in outcomes.counts) wrong(`over gRPC, ${longRefusal}`);
    });
  },
};

export const oddHeaders: Attack = {
  name: "odd-headers",
  sends: "timeouts, encodings, protocol versions, origins and content types that are long or wrong",
  right: "refused, or read for what they mean, without repeating them",
  form: "long",
  async run({ addresses, outcomes, signal, random, wrong }) {
    using http = httpCaller(addresses.http, outcomes, 16);
    using grpc = await grpcCaller(addresses.grpc, outcomes);
    const long = "h".repeat(8_000);
    const odd: readonly (readonly [string, string])[] = [
      ["connect-timeout-ms", "9".repeat(400)],
      ["connect-timeout-ms", "2147483648"],
      ["connect-timeout-ms", "-1"],
      ["connect-protocol-version", long],
      ["content-encoding", long],
      ["origin", `http://${long}`],
      ["content-type", `application/json; charset=${long}`],
      ["content-type", `application/${long}`],
      ["grpc-timeout", "99999999H"],
      ["grpc-encoding", long],
      ["accept-encoding", "gzip,".repeat(1_500)],
      ["connect-accept-encoding", "gzip,".repeat(1_500)],
    ];
    const path = pathOf("renew");
    await untilOver(16, signal, async (index) => {
      const [name, value] = random.pick(odd);
      const headers = { "content-type": "application/json", [name]: value };
      const answer = await http.call({ path, headers, body: "{}" });
      if (answer.includes("h".repeat(500))) wrong(`a refusal repeats ${name}`);
      if (longRefusal in outcomes.counts) wrong(`over gRPC, ${longRefusal}`);
      if (index % 8 > 0 || name === "content-type") return;
      const stream = grpc.open(path, { [name]: value });
      stream.end(Buffer.alloc(5));
      stream.resume();
      await new Promise<void>((resolve) => stream.once("close", () => resolve()));
    });
  },
};
