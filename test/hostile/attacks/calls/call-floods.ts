import {
  AcquireRequestSchema,
  RenewRequestSchema,
} from "../../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import type { Attack } from "../../attack.ts";
import { atOnce, untilOver } from "../../tools/at-once.ts";
import { grpcCaller } from "../../tools/grpc-caller.ts";
import { httpCaller } from "../../tools/http-caller.ts";
import { bytesOf, pathOf } from "../../tools/messages.ts";

export const callsAtOnce: Attack = {
  name: "calls-at-once",
  sends: "15,000 unary calls at once on one HTTP/2 connection, again and again",
  right: "others have their turn between them",
  form: "long",
  async run({ addresses, outcomes, signal }) {
    using caller = await grpcCaller(addresses.grpc, outcomes);
    const message = bytesOf(RenewRequestSchema, { sessionId: "unknown", controllerToken: "t" });
    while (!signal.aborted && !caller.session.destroyed) {
      await atOnce(15_000, 15_000, signal, () => caller.unary(pathOf("renew"), message));
    }
  },
};

export const freshSessions: Attack = {
  name: "fresh-sessions",
  sends: "Acquire on session ids that are new each time, up to 200,000, by one caller",
  right: "what one beach and one process may hold is bounded, and refused beyond that",
  form: "full",
  refusedAs: ["TOO_MANY"],
  keeps: { outcome: "grpc 0", bytesEach: 6_000 },
  async run({ addresses, outcomes, signal }) {
    using caller = await grpcCaller(addresses.grpc, outcomes);
    await atOnce(500, 200_000, signal, (index) => {
      const request = {
        sessionId: `fresh-${index}`,
        privateBeachId: "fresh-beach",
        passcode: "any",
        reason: "r",
      };
      return caller.unary(pathOf("acquire"), bytesOf(AcquireRequestSchema, request));
    });
  },
};

export const fewSessions: Attack = {
  name: "few-sessions",
  sends: "the same, where a private beach may have 500 sessions",
  right: "the 501st is refused, and the good beach is not",
  form: "long",
  service: { env: { LEASE_SESSIONS_PER_BEACH_MAX: "500" } },
  refusedAs: ["TOO_MANY"],
  keeps: { outcome: "grpc 0", bytesEach: 6_000 },
  run: freshSessions.run,
};

export const freshBeaches: Attack = {
  name: "fresh-beaches",
  sends: "Acquire on session ids and private beaches that are new each time, up to 200,000",
  right: "what one process may hold is bounded, however many beaches it is spread over",
  form: "full",
  keeps: { outcome: "grpc 0", bytesEach: 6_000 },
  async run({ addresses, outcomes, signal }) {
    using caller = await grpcCaller(addresses.grpc, outcomes);
    await atOnce(500, 200_000, signal, (index) => {
      const request = {
        sessionId: `lone-${index}`,
        privateBeachId: `lone-${index}`,
        passcode: "any",
      };
      return caller.unary(pathOf("acquire"), bytesOf(AcquireRequestSchema, request));
    });
  },
};

export const longNames: Attack = {
  name: "long-names",
  sends: "ids, reasons, tokens and passcodes of hundreds of kilobytes, on both doors",
  right: "refused by name, without repeating them",
  form: "full",
  refusedAs: ["FIELD_INVALID"],
  async run({ addresses, outcomes, signal, wrong }) {
    using grpc = await grpcCaller(addresses.grpc, outcomes);
    using http = httpCaller(addresses.http, outcomes, 16);
    const long = "x".repeat(100_000);
    const request = { sessionId: long, reason: long, passcode: long, accountId: long };
    const message = bytesOf(AcquireRequestSchema, request);
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify(request);
    await Promise.all([
      untilOver(16, signal, () => grpc.unary(pathOf("acquire"), message)),
      untilOver(16, signal, async () => {
        const answer = await http.call({ path: pathOf("acquire"), headers, body });
        if (answer.length > 16_384) wrong(`a refusal of ${answer.length} bytes`);
      }),
    ]);
  },
};
