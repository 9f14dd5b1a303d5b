import { expect, test, vi } from "vitest";

import { Outcomes } from "../../hostile/tools/outcomes.ts";
import {
  flags,
  frame,
  frames,
  grpcHead,
  RawHttp2 as RawFrames,
} from "../../hostile/tools/raw-http2.ts";
import { type RunningService, runService } from "../../support/process/run-service.ts";

const renew = "/beach.controller.v1.ControllerLease/Renew";

interface Caller extends Disposable {
  readonly connection: RawFrames;
  readonly outcomes: Outcomes;
}

async function connected(service: RunningService): Promise<Caller> {
  const outcomes = new Outcomes();
  const leaving = new AbortController();
  const context = { outcomes, signal: leaving.signal };
  const connection = await RawFrames.open(service.addresses.grpc, context);
  return {
    connection,
    outcomes,
    [Symbol.dispose]() {
      connection[Symbol.dispose]();
      leaving.abort();
    },
  };
}

async function isServed(service: RunningService): Promise<boolean> {
  const call = service.lease.renew({ sessionId: "n", controllerToken: "t" });
  return await call.then(
    () => false,
    (error: unknown) => String(error).includes("no such session"),
  );
}

/** A call whose message comes a byte at a time. */
function inSmallFrames(stream: number, count: number): Buffer {
  const byte = frame(frames.data, 0, stream, Buffer.of(0x0a));
  return Buffer.concat([
    frame(frames.headers, flags.endHeaders, stream, grpcHead(renew)),
    frame(frames.data, 0, stream, Buffer.of(0, 0, 0x10, 0, 0)),
    ...Array.from({ length: count }, () => byte),
  ]);
}

test("a connection that brings a message in single bytes is closed; others are served", async () => {
  await using service = await runService();
  expect(await isServed(service)).toBe(true);
  using patient = await connected(service);
  using hasty = await connected(service);
  await patient.connection.send(inSmallFrames(patient.connection.nextStream(), 100));
  await hasty.connection.send(inSmallFrames(hasty.connection.nextStream(), 1_500));
  await vi.waitFor(() => expect(hasty.connection.isOpen).toBe(false));
  expect(hasty.outcomes.counts).toHaveProperty("GOAWAY ENHANCE_YOUR_CALM");
  expect(patient.connection.isOpen).toBe(true);
  expect(await isServed(service)).toBe(true);
});

test("a caller that breaks limits on one connection after another has to wait", async () => {
  await using service = await runService({ budgets: { address_resets: 1_000 } });
  expect(await isServed(service)).toBe(true);
  for (let broken = 0; broken < 2; broken += 1) {
    using caller = await connected(service);
    await caller.connection.send(inSmallFrames(caller.connection.nextStream(), 1_500));
    await vi.waitFor(() => expect(caller.connection.isOpen).toBe(false));
  }
  using next = await connected(service);
  await vi.waitFor(() => expect(next.connection.isOpen).toBe(false));
  expect(next.outcomes.counts).not.toHaveProperty("answered");
  // Whoever was there before is served on.
  expect(await isServed(service)).toBe(true);
});
