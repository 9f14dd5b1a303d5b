import type { Attack } from "../../attack.ts";
import { untilOver } from "../../tools/at-once.ts";
import { httpCaller } from "../../tools/http-caller.ts";
import { pathOf } from "../../tools/messages.ts";

const headers = { "content-type": "application/json" };
const bytesMax = 1_000_000;
const right = "read by a parser that is bounded in depth, in parts and in time, and refused";

/** Bodies of a megabyte whose shape costs more than their size. */
const shapes: readonly string[] = [
  "[".repeat(bytesMax),
  `{"reports":${"[".repeat(bytesMax - 20)}`,
  '{"a":'.repeat(bytesMax / 5),
  `{"reports":[${'{"x":'.repeat(150_000)}1${"}".repeat(150_000)}]}`,
  `{${Array.from({ length: 60_000 }, (_, index) => `"k${index}":1`).join(",")}}`,
  `{"sessionId":"${"\\u0041".repeat(bytesMax / 6 - 10)}"}`,
  `{"reports":[{"sequence":${"9".repeat(bytesMax - 60)}}]}`,
  `{"reports":[{"sequence":"${"9".repeat(bytesMax - 60)}"}]}`,
  `{"reports":[{"roundTrip":"${"9".repeat(bytesMax - 60)}s"}]}`,
  `{"reports":[{"roundTrip":"1.${"9".repeat(bytesMax - 60)}s"}]}`,
  `{"__proto__":${'{"__proto__":'.repeat(70_000)}1${"}".repeat(70_000)}}`,
];

export const deepJson: Attack = {
  name: "deep-json",
  sends: "JSON of 1 MB that is deep, wide, escaped, or one number, by Connect, 8 at once",
  right,
  form: "long",
  refusedAs: ["FIELD_INVALID"],
  async run({ addresses, outcomes, signal }) {
    using caller = httpCaller(addresses.http, outcomes, 8);
    const path = pathOf("reportTransport");
    await untilOver(8, signal, (index) =>
      caller.call({ path, headers, body: shapes[index % shapes.length] ?? "" }),
    );
  },
};

export const deepJsonOld: Attack = {
  name: "deep-json-old",
  sends: "the same, cut to 64 kB, on the old routes, 8 at once",
  right,
  form: "full",
  refusedAs: ["400"],
  async run({ addresses, outcomes, signal }) {
    using caller = httpCaller(addresses.http, outcomes, 8);
    const path = "/sessions/s/controller-handshake";
    await untilOver(8, signal, (index) =>
      caller.call({ path, headers, body: (shapes[index % shapes.length] ?? "").slice(0, 65_000) }),
    );
  },
};

export const deepBinary: Attack = {
  name: "deep-binary",
  sends: "binary of 1 MB with unknown groups a hundred thousand deep, and fields that nobody knows",
  right,
  form: "long",
  async run({ addresses, outcomes, signal }) {
    using caller = httpCaller(addresses.http, outcomes, 8);
    const path = pathOf("reportTransport");
    const bodies = [
      Buffer.alloc(bytesMax, 0x7b),
      Buffer.alloc(bytesMax, Buffer.of(0x78, 0x01)),
      Buffer.alloc(bytesMax, Buffer.of(0xfa, 0x7f, 0x00)),
      Buffer.alloc(bytesMax, 0xff),
    ];
    const type = { "content-type": "application/proto" };
    await untilOver(8, signal, (index) =>
      caller.call({ path, headers: type, body: bodies[index % bodies.length] ?? "" }),
    );
  },
};
