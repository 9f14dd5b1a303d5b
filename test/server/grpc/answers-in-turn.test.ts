import { once } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";

import type { DescMethod } from "@bufbuild/protobuf";
import { afterEach, expect, test } from "vitest";

import { Budgets } from "../../../src/budget/budgets.ts";
import { ControllerLease } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { ConnectionTurns } from "../../../src/server/connections/connection-turns.ts";
import type { Door } from "../../../src/server/door.ts";
import { openGrpcDoor } from "../../../src/server/grpc/grpc-door.ts";
import { Intake } from "../../../src/server/intake/intake.ts";
import { Outbox } from "../../../src/server/outbox.ts";
import { enveloped } from "../../support/network/enveloped.ts";
import { grpcEnd, RawHttp2 } from "../raw/raw-http2.ts";

const calls = 300;
/** What may begin in one turn. */
const perTurn = 64;

const turns = new ConnectionTurns(
  new Budgets(),
  () => performance.now(),
  async () => undefined,
);
let door: Door;
afterEach(() => door.cutOff());

/** A door whose handlers note the turn in which they were called. */
async function openDoor(onCalled: () => void): Promise<string> {
  const budgets = new Budgets();
  const sleep = (_ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
  const unary = async (): Promise<object> => {
    onCalled();
    return {};
  };
  async function* streaming(): AsyncGenerator<object> {
    onCalled();
    yield {};
  }
  async function* bidi(messages: unknown): AsyncGenerator<object> {
    for await (const _message of messages as AsyncIterable<object>) {
      onCalled();
      yield {};
    }
  }
  const handlers = {
    unary,
    server_streaming: streaming,
    bidi_streaming: bidi,
    client_streaming: unary,
  } as const;
  const handler = ({ methodKind }: DescMethod) => handlers[methodKind];
  door = await openGrpcDoor({
    listen: { host: "127.0.0.1", port: 0 },
    tls: undefined,
    services: [{ service: ControllerLease, handler }],
    connections: { connectionsMax: 10, onDropped: () => undefined, sleep, turns },
    intake: new Intake(budgets, turns),
    outbox: new Outbox(budgets),
    callAfter: () => () => undefined,
    onTransportError: () => undefined,
  });
  return `${door.address.host}:${door.address.port}`;
}

test("messages that come in one read on streams that are open are answered over several turns", async () => {
  const byTurn = new Map<number, number>();
  let taken = 0;
  using raw = new RawHttp2(
    await openDoor(() => {
      taken += 1;
      byTurn.set(turns.turn, (byTurn.get(turns.turn) ?? 0) + 1);
    }),
  );
  const path = `/${ControllerLease.typeName}/KeepAlive`;
  const streams = Array.from({ length: calls }, () => raw.open(path));
  for (const stream of streams) stream.write(enveloped(Buffer.alloc(0)));
  await expect.poll(() => taken, { timeout: 10_000 }).toBe(calls);
  byTurn.clear();
  for (const stream of streams) stream.write(enveloped(Buffer.alloc(0)));
  await expect.poll(() => taken, { timeout: 10_000 }).toBe(2 * calls);
  expect(Math.max(...byTurn.values())).toBeLessThanOrEqual(perTurn);
});

test.for(["Renew", "WatchTransport"])(
  "messages of %s that come in one read are answered over several turns",
  async (method) => {
    const byTurn = new Map<number, number>();
    using raw = new RawHttp2(
      await openDoor(() => byTurn.set(turns.turn, (byTurn.get(turns.turn) ?? 0) + 1)),
    );
    const path = `/${ControllerLease.typeName}/${method}`;
    const streams = Array.from({ length: calls }, () => raw.open(path));
    await once(raw.session, "remoteSettings");
    // All have been read when the connection answers what came behind them, and soon have begun.
    await new Promise((resolve) => raw.session.ping(resolve));
    for (let turn = 0; turn < calls; turn += 1) await nextTurn();
    for (const stream of streams) stream.end(enveloped(Buffer.alloc(0)));
    const ends = await Promise.all(streams.map(grpcEnd));
    expect(ends.every(({ status }) => status === "0")).toBe(true);
    expect([...byTurn.values()].reduce((sum, one) => sum + one, 0)).toBe(calls);
    expect(Math.max(...byTurn.values())).toBeLessThanOrEqual(perTurn);
  },
);
