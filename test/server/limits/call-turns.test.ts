import { once } from "node:events";
import { connect } from "node:net";
import { setImmediate as turn } from "node:timers/promises";

import { expect, test, vi } from "vitest";

import { CallTurns } from "../../../src/server/connections/call-turns.ts";
import { runService } from "../../support/process/run-service.ts";
import { grpcEnd, RawHttp2 } from "../raw/raw-http2.ts";
import { enveloped } from "../raw/raw-messages.ts";

test("so many calls are begun in a turn, and those of each connection in turn", async () => {
  const turns = new CallTurns();
  const [busy, calm] = [{}, {}];
  const begun: string[] = [];
  const begin = (whose: object, name: string): void =>
    turns.begin(whose, () => {
      begun.push(name);
      return true;
    });
  for (let count = 0; count < 100; count += 1) begin(busy, `busy ${count}`);
  begin(calm, "calm");
  expect(begun).toHaveLength(32);
  await turn();
  expect(begun).toHaveLength(64);
  expect(begun).toContain("calm");
  await turn();
  await turn();
  expect(begun).toHaveLength(101);
  expect(begun.filter((name) => name !== "calm")).toEqual(
    Array.from({ length: 100 }, (_, index) => `busy ${index}`),
  );
});

test("a call whose caller has left takes no place in a turn", async () => {
  const turns = new CallTurns();
  let looked = 0;
  for (let count = 0; count < 500; count += 1) {
    turns.begin({}, () => {
      looked += 1;
      return false;
    });
  }
  expect(looked).toBe(500);
});

const renew = "/beach.controller.v1.ControllerLease/Renew";

test("calls that come in one read are begun over several turns", async () => {
  await using service = await runService({ env: { LEASE_LOG_LEVEL: "warn" } });
  using raw = new RawHttp2(service.addresses.grpc);
  await once(raw.session, "connect");
  const before = await counted(service.opsUrl("/metrics"));
  let turnsTaken = 0;
  let isOver = false;
  const count = async (): Promise<void> => {
    for (; !isOver; turnsTaken += 1) await turn();
  };
  const streams = Array.from({ length: 640 }, () => raw.open(renew));
  for (const stream of streams) stream.end(enveloped(Buffer.alloc(0)));
  const counting = count();
  await Promise.all(streams.map(grpcEnd));
  isOver = true;
  await counting;
  expect(turnsTaken).toBeGreaterThanOrEqual(640 / 32);
  expect((await counted(service.opsUrl("/metrics"))) - before).toBe(640);
});

test("calls behind one another on a connection that has closed are not begun", async () => {
  await using service = await runService({ env: { LEASE_LOG_LEVEL: "warn" } });
  const [host = "", port = ""] = service.addresses.http.split(":");
  const socket = connect(Number(port), host);
  socket.on("error", () => undefined);
  await once(socket, "connect");
  const call = "DELETE /sessions/s/controller/lease?controller_token=t HTTP/1.1\r\nhost: h\r\n\r\n";
  socket.write(call.repeat(400));
  await once(socket, "data");
  socket.resetAndDestroy();
  const before = await counted(service.opsUrl("/metrics"));
  await vi.waitFor(async () => {
    const now = await counted(service.opsUrl("/metrics"));
    expect(now).toBeLessThan(400);
    expect(now).toBe(before);
  });
});

/** How many calls of any kind have ended. */
async function counted(url: string): Promise<number> {
  const text = await (await fetch(url)).text();
  return [...text.matchAll(/^lease_calls_total\{.*\} (\d+)$/gm)].reduce(
    (sum, [, value]) => sum + Number(value),
    0,
  );
}
