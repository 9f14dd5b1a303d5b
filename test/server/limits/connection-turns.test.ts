import { once } from "node:events";
import { connect } from "node:net";
import { setImmediate as turn } from "node:timers/promises";

import { expect, test, vi } from "vitest";

import { Budgets } from "../../../src/budget/budgets.ts";
import { ConnectionTurns } from "../../../src/server/connections/connection-turns.ts";
import { enveloped } from "../../support/network/enveloped.ts";
import { runService } from "../../support/process/run-service.ts";
import { patient } from "../../support/runs/patient.ts";
import { grpcEnd, RawHttp2 } from "../raw/raw-http2.ts";

/** Turns by a clock that moves when somebody works. */
function turnsOf(): { readonly turns: ConnectionTurns; readonly work: (ms: number) => true } {
  let now = 0;
  const sleep = async (ms: number): Promise<void> => {
    for (const until = now + ms; now < until; ) await turn();
  };
  return {
    turns: new ConnectionTurns(new Budgets({ turn_ms: 5 }), () => now, sleep),
    work(ms) {
      now += ms;
      return true;
    },
  };
}

test("work is done at once while the turn is short, and then in later turns", async () => {
  const { turns, work } = turnsOf();
  const done: string[] = [];
  const begin = (name: string, ms: number): void =>
    turns.begin({}, () => {
      done.push(name);
      return work(ms);
    });
  begin("first", 6);
  begin("second", 6);
  begin("third", 0);
  expect(done).toEqual(["first"]);
  await turn();
  expect(done).toEqual(["first", "second"]);
  await turn();
  expect(done).toEqual(["first", "second", "third"]);
});

test("only so much work begins in a turn, however short it is", async () => {
  const { turns, work } = turnsOf();
  let done = 0;
  for (let count = 0; count < 100; count += 1) {
    turns.begin({}, () => {
      done += 1;
      return work(0);
    });
  }
  expect(done).toBe(64);
  await turn();
  expect(done).toBe(100);
});

test("less begins in a turn after turns that took long, and more again after short ones", async () => {
  const { turns, work } = turnsOf();
  let done = 0;
  for (let count = 0; count < 300; count += 1) {
    turns.wait({}, () => {
      done += 1;
      return work(0);
    });
  }
  const sums: number[] = [];
  for (const followsMs of [11, 11, 11, 10, 1]) {
    work(followsMs);
    await turn();
    sums.push(done);
  }
  expect(sums).toEqual([32, 48, 56, 72, 96]);
});

test("what follows from work that waited counts in its turn", async () => {
  const { turns, work } = turnsOf();
  let done = 0;
  for (let count = 0; count < 64; count += 1) {
    turns.wait({}, () => {
      done += 1;
      void Promise.resolve().then(() => work(1));
      return true;
    });
  }
  const sums: number[] = [];
  for (let count = 0; count < 3; count += 1) {
    await turn();
    sums.push(done);
  }
  expect(sums).toEqual([8, 16, 24]);
});

test("connections have their turns one after the other", async () => {
  const { turns, work } = turnsOf();
  const [busy, calm] = [{}, {}];
  const done: string[] = [];
  const wait = (whose: object, name: string): void =>
    turns.wait(whose, () => {
      done.push(name);
      return work(6);
    });
  for (let count = 0; count < 10; count += 1) wait(busy, `busy ${count}`);
  wait(calm, "calm");
  await turn();
  expect(done).toEqual(["busy 0"]);
  await turn();
  expect(done).toEqual(["busy 0", "calm"]);
});

test("a connection that took little of the loop comes before all those that took much", async () => {
  const { turns, work } = turnsOf();
  const heavy = Array.from({ length: 5 }, () => ({}));
  for (const one of heavy) {
    turns.begin(one, () => work(100));
    await turn();
  }
  const done: object[] = [];
  const wait = (one: object): void =>
    turns.wait(one, () => {
      done.push(one);
      return work(2);
    });
  for (const one of heavy) wait(one);
  const light = {};
  wait(light);
  await turn();
  await turn();
  expect(done.slice(0, 2)).toContain(light);
});

test("work that has waited since its connection had taken little waits for others once that took much", async () => {
  const { turns, work } = turnsOf();
  const done: string[] = [];
  const wait = (one: object, name: string, ms: number): void =>
    turns.wait(one, () => {
      done.push(name);
      return work(ms);
    });
  const [busy, calm] = [{ remoteAddress: "10.0.0.1" }, { remoteAddress: "10.0.0.2" }];
  // The calm network took much with another connection; the busy one is about to.
  turns.begin({ ...calm }, () => work(60));
  await turn();
  for (let count = 0; count < 20; count += 1) wait(busy, "busy", 20);
  wait(calm, "calm", 1);
  while (!done.includes("calm")) await turn();
  expect(done.indexOf("calm")).toBeLessThan(5);
});

test("a connection whose network took little comes before all those of one that took much", async () => {
  const { turns, work } = turnsOf();
  const [busy, calm] = [{ remoteAddress: "10.0.0.1" }, { remoteAddress: "10.0.0.2" }];
  turns.begin({ ...busy }, () => work(100));
  await turn();
  const done: string[] = [];
  const wait = (one: object, name: string): void =>
    turns.wait(one, () => {
      done.push(name);
      return work(2);
    });
  for (let count = 0; count < 5; count += 1) wait({ ...busy }, "busy");
  wait({ socket: calm }, "calm");
  await turn();
  await turn();
  expect(done.slice(0, 2)).toContain("calm");
});

test("what a network took is forgotten after two seconds", async () => {
  const { turns, work } = turnsOf();
  const busy = { remoteAddress: "10.0.0.1" };
  turns.begin({ ...busy }, () => work(100));
  await turn();
  work(2_000);
  const done: string[] = [];
  turns.wait({ ...busy }, () => done.push("once busy") > 0);
  turns.wait({ remoteAddress: "10.0.0.2" }, () => done.push("calm") > 0);
  await turn();
  expect(done).toEqual(["once busy", "calm"]);
});

test("new connections of a network that took much wait for those of it that are open", async () => {
  const { turns, work } = turnsOf();
  const [busy, calm] = [{ remoteAddress: "10.0.0.1" }, { remoteAddress: "10.0.0.2" }];
  turns.begin({ ...busy }, () => work(100));
  await turn();
  const done: string[] = [];
  const note = (name: string): void => void done.push(name);
  void turns.nextToConnect({ ...busy }).then(() => note("new"));
  void turns.next({ ...busy }).then(() => note("open"));
  void turns.nextToConnect({ ...calm }).then(() => note("calm"));
  for (let count = 0; count < 3; count += 1) await turn();
  expect(done).toEqual(["calm", "open", "new"]);
});

test("long work of others waits, also where it begins later in the turn", async () => {
  const { turns } = turnsOf();
  const done: number[] = [];
  for (const one of [1, 2, 3]) void turns.next({}).then(() => done.push(one));
  await turn();
  expect(done).toEqual([1]);
  await turn();
  expect(done).toEqual([1, 2]);
});

test("other work does not wait for the long work of many", async () => {
  const { turns, work } = turnsOf();
  const done: string[] = [];
  for (let count = 0; count < 20; count += 1) {
    void turns.next({}).then(() => done.push("long") && work(4));
  }
  turns.wait({}, () => done.push("waited") > 0);
  await turn();
  expect(done).toEqual(["waited", "long"]);
  turns.begin({}, () => done.push("at once") > 0);
  expect(done.at(-1)).toBe("at once");
  for (let count = 0; count < 19; count += 1) await turn();
  expect(done.filter((name) => name === "long")).toHaveLength(20);
});

test("after long work that took too long, others have as much time before there is more", async () => {
  const { turns, work } = turnsOf();
  const done: string[] = [];
  void turns.next({}).then(() => done.push("first") && work(40));
  void turns.next({}).then(() => done.push("second"));
  await turn();
  await turn();
  turns.wait({}, () => done.push("other") > 0);
  for (let count = 0; count < 10; count += 1) await turn();
  expect(done).toEqual(["first", "other"]);
  work(39);
  for (let count = 0; count < 10; count += 1) await turn();
  expect(done).toEqual(["first", "other"]);
  work(1);
  for (let count = 0; count < 10; count += 1) await turn();
  expect(done).toEqual(["first", "other", "second"]);
});

test("work that there is no need for any more takes no turn", async () => {
  const { turns } = turnsOf();
  let looked = 0;
  for (let count = 0; count < 500; count += 1) {
    turns.wait({}, () => {
      looked += 1;
      return false;
    });
  }
  await turn();
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
  expect(turnsTaken).toBeGreaterThanOrEqual(5);
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
  }, patient);
});

/** How many calls of any kind have ended. */
async function counted(url: string): Promise<number> {
  const text = await (await fetch(url)).text();
  return [...text.matchAll(/^lease_calls_total\{door="(?:internal|public)".*\} (\d+)$/gm)].reduce(
    (sum, [, value]) => sum + Number(value),
    0,
  );
}
