import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { RenewalStream } from "../../../src/client/manager/renewal-stream.ts";
import { ManagerClient } from "../../../src/client/manager.ts";
import { ControllerLease } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import {
  ConnectionState,
  TransportPath,
} from "../../../src/gen/beach/controller/v1/transport_pb.js";
import { Device } from "../device.ts";
import { LeaseWorld, privateBeachId, sessionId } from "../tile/lease-world.ts";

const minute = 60_000;

/** A manager beside the tiles of a world, over the same network. */
async function managed(): Promise<{ world: LeaseWorld; manager: ManagerClient } & AsyncDisposable> {
  const world = await LeaseWorld.open();
  const manager = new ManagerClient({
    transport: world.transport(),
    privateBeachId,
    onRetired: () => undefined,
    clock: world.device,
  });
  await manager.attach({ sessionId });
  manager.start();
  await world.advance(500);
  return {
    world,
    manager,
    async [Symbol.asyncDispose]() {
      const stopping = manager.stop();
      await world.advance(1_000);
      await stopping;
      await world[Symbol.asyncDispose]();
    },
  };
}

const checks = ({ called }: LeaseWorld): number =>
  called.filter((name) => name === "checkLease").length;

describe("checking a lease", () => {
  async function checked() {
    const beach = await managed();
    const { tile } = beach.world.hold();
    await beach.world.advance(1_500);
    const { controllerToken = "" } = tile.lease ?? {};
    const check = () => beach.manager.checkLease(sessionId, controllerToken);
    await check();
    return { ...beach, tile, check };
  }

  test("asks the service once, however many actions there are", async () => {
    await using beach = await checked();
    await Promise.all(Array.from({ length: 100 }, beach.check));
    await beach.world.advance(3_000);
    expect(await beach.check()).toMatchObject({ kind: "live", path: TransportPath.PENDING });
    expect(checks(beach.world)).toBe(1);
  });

  test("shows the path as the watch has it, and not as it was when it asked", async () => {
    await using beach = await checked();
    await beach.world.report(ConnectionState.CONNECTED);
    await beach.world.advance(100);
    expect(await beach.check()).toMatchObject({ path: TransportPath.FAST_PATH });
    expect(checks(beach.world)).toBe(1);
  });

  test("asks again when a lease of the session is granted or ends", async () => {
    await using beach = await checked();
    await beach.world.registry.revokeLeases({ sessionId });
    await beach.world.advance(100);
    expect(await beach.check()).toEqual({ kind: "not_live", endedBy: "revoked" });
    expect(checks(beach.world)).toBe(2);
  });

  test("asks again once the lease would have run out", async () => {
    await using beach = await checked();
    await beach.world.advance(40_000);
    expect(await beach.check()).toMatchObject({ kind: "live" });
    expect(checks(beach.world)).toBe(2);
  });

  test("uses no answer while the watch is away or has been silent for too long", async () => {
    await using beach = await checked();
    beach.world.network("down");
    await beach.world.advance(200);
    await expect(beach.check()).rejects.toMatchObject({ code: Code.Unavailable });
    beach.world.network("up");
    await beach.world.advance(5_000);
    await beach.check();
    const before = checks(beach.world);
    await beach.check();
    expect(checks(beach.world)).toBe(before);
    // The machine slept: whatever the watch would have said, nobody has read it.
    beach.world.device.sleep(minute);
    await beach.check();
    expect(checks(beach.world)).toBe(before + 1);
  });
});

test("a session that the service has lost is attached again", async () => {
  await using beach = await managed();
  const { world, manager } = beach;
  const { tile } = world.hold();
  await world.advance(500);
  manager.hold({
    sessionId,
    handshakeId: tile.transport?.negotiation?.handshakeId ?? "",
    transportId: "a-1",
    observe: () => ({ connection: ConnectionState.CONNECTED, channels: [] }),
  });
  await world.advance(500);
  await world.restart("loses its store");
  await world.advance(10_000);
  expect((await world.registry.listSessions({})).sessions).toMatchObject([{ sessionId }]);
});

test("a lease that is kept is renewed until somebody ends it", async () => {
  await using beach = await managed();
  const { world, manager } = beach;
  const { controllerToken } = await world.leases.acquire({ sessionId, reason: "agent" });
  const ended: string[] = [];
  using _kept = manager.keep({
    sessionId,
    controllerToken,
    onEnded: (endedBy) => ended.push(endedBy),
  });
  await world.advance(3 * minute, 100);
  expect(await world.liveLeases()).toHaveLength(1);
  expect(world.called.filter((name) => name === "keepAlive")).toHaveLength(1);
  await world.leases.release({ sessionId, controllerToken });
  await world.advance(30_000, 100);
  expect(ended).toEqual(["released"]);
});

describe("renewals over one stream", () => {
  /** A service that answers a batch when the test says so. */
  function streaming() {
    const batches: number[] = [];
    const device = new Device();
    const service = { isSilent: false };
    const transport = createRouterTransport(({ service: serve }) =>
      serve(ControllerLease, {
        async *keepAlive(requests, { signal }) {
          for await (const { renewals } of requests) {
            batches.push(renewals.length);
            if (service.isSilent) {
              await new Promise((resolve) => signal.addEventListener("abort", resolve));
              return;
            }
            yield { results: renewals.map(({ sessionId: id }) => ({ sessionId: id })) };
          }
        },
      }),
    );
    return { batches, device, service, stream: new RenewalStream({ transport, clock: device }) };
  }

  test("go in batches of at most a thousand, each with its own answer", async () => {
    const { batches, device, stream } = streaming();
    const asked = Array.from({ length: 2_500 }, (_, index) => `session-${index}`);
    const answers = Promise.all(asked.map((id) => stream.renew({ sessionId: id })));
    await device.advance(100);
    expect((await answers).map((answer) => answer.sessionId)).toEqual(asked);
    expect(batches).toEqual([1_000, 1_000, 500]);
    await stream[Symbol.asyncDispose]();
  });

  test("reject when the service says nothing in time, and the next ones have another stream", async () => {
    const { batches, device, service, stream } = streaming();
    service.isSilent = true;
    const lost = expect(stream.renew({ sessionId })).rejects.toThrow("no answer within 5000 ms");
    await device.advance(6_000);
    await lost;
    service.isSilent = false;
    const answer = stream.renew({ sessionId });
    await device.advance(100);
    expect(await answer).toMatchObject({ sessionId });
    expect(batches).toEqual([1, 1]);
    await stream[Symbol.asyncDispose]();
  });

  test("reject once they are stopped", async () => {
    const { stream } = streaming();
    const stopped = expect(stream.renew({ sessionId })).rejects.toThrow("stopped");
    await stream[Symbol.asyncDispose]();
    await stopped;
  });
});

test("an attach that has no point is not repeated", async () => {
  await using beach = await managed();
  const other = new ManagerClient({
    transport: beach.world.transport(),
    privateBeachId: "beach-2",
    onRetired: () => undefined,
    clock: beach.world.device,
  });
  await expect(other.attach({ sessionId })).rejects.toBeInstanceOf(ConnectError);
});
