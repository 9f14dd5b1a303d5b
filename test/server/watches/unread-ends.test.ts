import { create, toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { expect, test } from "vitest";

import {
  ControllerLease,
  WatchTransportRequestSchema,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { enveloped } from "../../support/network/enveloped.ts";
import { jwtMode } from "../../support/process/jwt-mode.ts";
import { type RunningService, runService } from "../../support/process/run-service.ts";
import { manualClock } from "../../support/service/manual-clock.ts";
import { RawHttp2 } from "../raw/raw-http2.ts";
import { runSecure } from "../tls/secure-service.ts";
import { ChangingSessions, largeStates } from "./changing-sessions.ts";
import { openRawWatch } from "./raw-watch.ts";

const watchTransport = `/${ControllerLease.typeName}/WatchTransport`;
const budgets = { unread_ms: 600 };
const beach = "beach-1";
const sessionIds = Array.from({ length: 30 }, (_, index) => `session-${index}`);

test.each(["Connect", "gRPC-Web"] as const)(
  "a watch over %s that ends behind what its reader leaves unread is reset in time",
  async (protocol) => {
    const clock = manualClock(Date.now());
    await using jwt = await jwtMode(clock.wall());
    const env = { ...jwt.env, ...largeStates };
    await using service = await runService({ clock, env, budgets });
    const account = { account_id: "account-1" };
    const sessions = await sessionsOf(service, await jwt.manager(account));
    const headers = { authorization: `Bearer ${await jwt.person({}, 5_000)}` };
    const reader = await openRawWatch(service, protocol, beach, headers);
    await sessions.fill(reader, sessionIds);
    // It outlives its bearer by a grace.
    await clock.advance(36_000);
    expect(await opened(service)).toBe(0);
    await expect.poll(() => refusals(service)).toBe(1);
    expect(await reader.readToEnd()).toBe("reset");
  },
);

test.each(["internal", "public"] as const)(
  "a watch at the %s door whose deadline passes behind what is unread is reset in time",
  async (door) => {
    await using service = await runSecure({ env: largeStates, budgets });
    await new ChangingSessions(service).attach("session-0", beach);
    const address = door === "internal" ? service.addresses.grpc : service.httpUrl("");
    using raw = new RawHttp2(address, { settings: { initialWindowSize: 16 } });
    const stream = raw.open(watchTransport, { "grpc-timeout": "1S" });
    stream.end(enveloped(watchOf(beach)));
    await new Promise((resolve) => stream.once("close", resolve));
    expect(stream.rstCode).toBe(7);
    expect(await refusals(service)).toBe(1);
  },
);

/** Sessions with large states, which a manager with that bearer changes. */
async function sessionsOf(service: RunningService, bearer: string): Promise<ChangingSessions> {
  const transport = createGrpcTransport({
    baseUrl: `http://${service.addresses.grpc}`,
    interceptors: [
      (next) => (request) => {
        request.header.set("authorization", `Bearer ${bearer}`);
        return next(request);
      },
    ],
  });
  const registry = createClient(FastPathRegistry, transport);
  const sessions = new ChangingSessions({
    ...service,
    lease: createClient(ControllerLease, transport),
  });
  const attach = async (sessionId: string): Promise<void> => {
    await registry.attachSession({ sessionId, privateBeachId: beach });
    await sessions.attach(sessionId, beach);
  };
  await Promise.all(sessionIds.map(attach));
  return sessions;
}

function watchOf(privateBeachId: string): Uint8Array {
  const request = create(WatchTransportRequestSchema, { privateBeachId });
  return toBinary(WatchTransportRequestSchema, request);
}

/** Watches that are open. */
function opened(service: RunningService): Promise<number> {
  return figure(service, /^lease_watch_streams\{.*\} (\d+)$/gm);
}

/** Answers that were given up because nobody read them. */
function refusals(service: RunningService): Promise<number> {
  return figure(service, /^lease_budget_refusals_total\{budget="unread_ms"\} (\d+)$/gm);
}

/** The sum of what a metric says. */
async function figure(service: RunningService, line: RegExp): Promise<number> {
  const text = await (await fetch(service.opsUrl("/metrics"))).text();
  const found = [...text.matchAll(line)];
  expect(found).not.toEqual([]);
  return found.reduce((sum, [, count]) => sum + Number(count), 0);
}
