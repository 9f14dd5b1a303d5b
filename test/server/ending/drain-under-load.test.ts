import { Agent, request } from "node:http";

import { create, toBinary } from "@bufbuild/protobuf";
import { type ServiceError, status } from "@grpc/grpc-js";
import { expect, test } from "vitest";

import {
  AcquireRequestSchema,
  ControllerLease,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { spawnService } from "../../support/process/run-service.ts";
import { type RawGrpc, rawGrpc } from "../grpc/raw-grpc.ts";

/** What came of one call: a status, or the error of the connection. */
type Outcome = number | string;

interface Caller {
  /** Every outcome up to the first refused connection, which ends the calling. */
  readonly outcomes: Promise<ReadonlySet<Outcome>>;
  readonly begun: Promise<void>;
}

function callUntilRefused(call: () => Promise<Outcome>): Caller {
  const begun = Promise.withResolvers<void>();
  const run = async (): Promise<ReadonlySet<Outcome>> => {
    const outcomes = new Set<Outcome>();
    for (;;) {
      const outcome = await call();
      begun.resolve();
      if (outcome === "ECONNREFUSED") return outcomes;
      outcomes.add(outcome);
    }
  };
  return { outcomes: run(), begun: begun.promise };
}

/** Sends a body by POST, or asks by GET where there is none. */
function send(url: string, agent: Agent | undefined, body: string | undefined): Promise<Outcome> {
  return new Promise((resolve) => {
    const method = body === undefined ? "GET" : "POST";
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    // Without an agent, each request has a connection of its own and says that it closes.
    const sent = request(url, { method, headers, agent: agent ?? false }, (answer) => {
      answer.resume();
      answer.once("end", () => resolve(answer.statusCode ?? 0));
      answer.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
    sent.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.end(body);
  });
}

const acquire = `/${ControllerLease.typeName}/Acquire`;
const asked = { sessionId: "s2", privateBeachId: "b", passcode: "1" };

async function callOverGrpc(client: RawGrpc): Promise<Outcome> {
  const bytes = toBinary(AcquireRequestSchema, create(AcquireRequestSchema, asked));
  try {
    await client.unary(acquire, bytes);
    return 200;
  } catch (error) {
    const { code, details } = error as ServiceError;
    if (code !== status.UNAVAILABLE) return `${code}: ${details}`;
    return details.includes("ECONNREFUSED") ? "ECONNREFUSED" : 503;
  }
}

test("clients that call without pause see a refused connection, and never a reset", async () => {
  await using service = await spawnService();
  using grpc = rawGrpc(service.addresses.grpc);
  const handshake = service.httpUrl("/sessions/s1/controller-handshake");
  const connect = service.httpUrl(acquire);
  const legacy = JSON.stringify({ passcode: "1", requester_private_beach_id: "b" });
  const message = JSON.stringify(asked);
  const agent = new Agent({ keepAlive: true });
  const callers = [
    ...Array.from({ length: 3 }, () => callUntilRefused(() => send(handshake, undefined, legacy))),
    ...Array.from({ length: 3 }, () => callUntilRefused(() => send(handshake, agent, legacy))),
    ...Array.from({ length: 3 }, () => callUntilRefused(() => send(connect, undefined, message))),
    ...Array.from({ length: 3 }, () => callUntilRefused(() => send(connect, agent, message))),
    ...Array.from({ length: 3 }, () => callUntilRefused(() => callOverGrpc(grpc))),
  ];
  const probes = Array.from({ length: 2 }, () =>
    callUntilRefused(() => send(service.opsUrl("/readyz"), undefined, undefined)),
  );
  callers.push(...probes);
  await Promise.all(callers.map(({ begun }) => begun));
  process.kill(service.pid, "SIGTERM");
  for (const { outcomes } of callers) {
    const others = [...(await outcomes)].filter((outcome) => outcome !== 200 && outcome !== 503);
    expect(others).toEqual([]);
  }
  expect(await service.exited).toEqual({ code: 0, signal: null });
});
