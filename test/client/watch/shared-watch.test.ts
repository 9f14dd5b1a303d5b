import { expect, test } from "vitest";

import { createLeaseClient } from "../../../src/client/index.ts";
import { SharedWatch } from "../../../src/client/watch/shared-watch.ts";
import { settle } from "../../support/service/manual-clock.ts";
import { Device } from "../device.ts";
import { serveWatch } from "../scripted-service.ts";

const sessionId = "session-1";
const seconds = (count: number) => ({ seconds: BigInt(count) });

test("the last state stands when a service has forgotten the session, and goes when it is detached", async () => {
  const device = new Device();
  const { transport, opened } = serveWatch();
  const watch = new SharedWatch({ transport, clock: device });
  const gone: string[] = [];
  watch.listen({ onGone: (_, reason) => gone.push(reason) }, sessionId);
  await device.advance(100);
  const stream = await opened();
  stream.state({ sessionId, version: 7n });
  stream.say({ event: { case: "gone", value: { sessionId, reason: "unknown" } } });
  await expect.poll(() => gone).toEqual(["unknown"]);
  expect(watch.states.get(sessionId)?.version).toBe(7n);
  stream.say({ event: { case: "gone", value: { sessionId, reason: "detached" } } });
  await expect.poll(() => gone).toEqual(["unknown", "detached"]);
  expect(watch.states.size).toBe(0);
  await watch.stop();
});

test("a tile asks at once when its session was detached, and not when a service has forgotten it", async () => {
  const device = new Device();
  const lease = { leaseId: "lease-1", expiresIn: seconds(30), renewAfter: seconds(17) };
  let renewals = 0;
  const { transport, opened } = serveWatch({
    acquire: () => ({ controllerToken: "token-1", lease }),
    renew: () => {
      renewals += 1;
      return { lease };
    },
  });
  await using client = createLeaseClient({ transport, clock: device, page: device });
  const tile = client.hold({ sessionId });
  await device.advance(100);
  const stream = await opened();
  const say = async (reason: string): Promise<void> => {
    stream.say({ event: { case: "gone", value: { sessionId, reason } } });
    await device.advance(100);
  };
  await say("unknown");
  expect([tile.state.kind, renewals]).toEqual(["held", 0]);
  await say("detached");
  expect(renewals).toBe(1);
});

test("a tile shows the latest state, although the answer to a call brings an earlier one", async () => {
  const device = new Device();
  let renewals = 0;
  const lease = { leaseId: "lease-1", expiresIn: seconds(30), renewAfter: seconds(17) };
  const { transport, opened } = serveWatch({
    acquire: () => ({ controllerToken: "token-1", lease, transport: { sessionId, version: 1n } }),
    renew: () => {
      renewals += 1;
      return { lease, transport: { sessionId, version: 2n } };
    },
  });
  await using client = createLeaseClient({ transport, clock: device, page: device });
  const tile = client.hold({ sessionId });
  await device.advance(100);
  expect(tile.transport?.version).toBe(1n);
  (await opened()).state({ sessionId, version: 3n });
  await expect.poll(() => tile.transport?.version).toBe(3n);
  await device.advance(17_000);
  await settle();
  expect(renewals).toBe(1);
  expect(tile.transport?.version).toBe(3n);
});
