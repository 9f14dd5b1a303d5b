import { setTimeout as delay } from "node:timers/promises";

import { durationMs } from "@bufbuild/protobuf/wkt";
import { describe, test } from "vitest";

import { HandshakeKind } from "../../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { bucketCount } from "../../../../src/store/redis/records/redis-keys.ts";
import { holdFastPath, holdSession } from "../../../support/callers/held-session.ts";
import { openWatch } from "../../../support/callers/open-watch.ts";
import { pressing } from "../../../support/callers/pressing.ts";
import { retried } from "../../../support/callers/retried.ts";
import { startTcpProxy, type TcpProxy } from "../../../support/network/tcp-proxy.ts";
import {
  type RunningService,
  runService,
  verdictsOf,
} from "../../../support/process/run-service.ts";
import { hastyPolicy } from "../../../support/redis/hasty-policy.ts";
import {
  freePort,
  hasRedis,
  type RedisServer,
  startRedis,
} from "../../../support/redis/redis-server.ts";

/** Everything that could be judged or could end would be so within the outage. */
const outageMs = 4_500;
/** A negotiation has as much time as that allows, so that enough is left of it on a busy machine. */
const policy = { ...hastyPolicy, negotiationTimeoutMs: 4_000, evidenceLostMs: 4_200 };
/** What is measured is printed; asserted is what holds on a busy machine too. */
const soonMs = 3_000;
const inTime = { timeout: 20_000 };

/** A primary with a replica, and the address by which the service knows whichever is primary. */
interface Site extends AsyncDisposable {
  readonly primary: RedisServer;
  readonly replica: RedisServer;
  readonly address: TcpProxy;
}

interface Trouble {
  readonly name: string;
  readonly begin: (site: Site) => Promise<void> | void;
  readonly end: (site: Site) => Promise<void> | void;
}

const troubles: readonly Trouble[] = [
  {
    name: "slow",
    begin: ({ primary }) => primary.signal("SIGSTOP"),
    end: ({ primary }) => primary.signal("SIGCONT"),
  },
  {
    name: "gone",
    begin: ({ primary }) => primary.kill(),
    end: ({ primary }) => primary.restart(),
  },
  {
    name: "read-only",
    begin: async ({ primary }) => {
      await primary.command("REPLICAOF", "127.0.0.1", String(await freePort()));
    },
    end: async ({ primary }) => {
      await primary.command("REPLICAOF", "NO", "ONE");
    },
  },
  {
    name: "demoted",
    begin: async ({ primary }) => {
      await primary.command("REPLICAOF", "127.0.0.1", String(await freePort()));
    },
    end: (site) => failOver(site),
  },
  {
    name: "failed over",
    begin: ({ primary }) => primary.kill(),
    end: (site) => failOver(site),
  },
  {
    // As a machine that lost its power: no connection is ended, and nothing is answered.
    name: "vanished",
    begin: ({ address }) => address.hold("both"),
    end: (site) => failOver(site),
  },
];

describe.skipIf(!hasRedis)("Redis is", () => {
  test.concurrent.for(troubles)(
    "$name: calls hear of it, nothing is lost, watchers catch up",
    async (trouble, { expect }) => {
      await using site = await startSite();
      await using service = await serve(site);
      await using other = await serve(site);
      const used = await holdFastPath(service, "used");
      const left = await holdSession(service, "left-alone");
      await using watch = await openWatch(service, [used.id, left.id]);
      const offered = watch.newest(left.id)?.negotiation?.handshakeId;
      await using reports = pressing(() => used.report(), 100);
      await using renewals = pressing(() => used.renew(), 50);
      await expect.poll(() => renewals.answers.length, inTime).toBeGreaterThan(2);

      const began = performance.now();
      await trouble.begin(site);
      await delay(outageMs);
      // On a slow machine, fewer are refused meanwhile.
      await expect.poll(() => renewals.refused(began).length, inTime).toBeGreaterThan(5);
      const ending = performance.now();
      await trouble.end(site);
      await expect.poll(() => renewals.accepted(ending), inTime).not.toEqual([]);

      // Refused in time, and in words that a caller can act on.
      const refused = renewals.refused(began);
      expect(refused.length).toBeGreaterThan(5);
      const unavailable = { code: "Unavailable", reason: "STORE_UNAVAILABLE", retryable: true };
      for (const { refusal } of refused) expect(refusal).toEqual(unavailable);
      const slowestMs = Math.max(...renewals.since(began).map(({ tookMs }) => tookMs));
      expect(slowestMs).toBeLessThan(soonMs);

      // Both leases have their time again, and the negotiation what was left of its own.
      const check = { sessionId: left.id, controllerToken: left.token };
      const { lease } = await service.registry.checkLease(check);
      const { expiresIn } = lease ?? {};
      expect(expiresIn && durationMs(expiresIn)).toBeGreaterThan(policy.leaseTtlMs - soonMs);
      const joined = await left.renew();
      expect(joined).toMatchObject({ handshakeKind: HandshakeKind.RENEGOTIATE, joined: true });
      expect(joined.offer?.handshakeId).toBe(offered);

      // The stream was open all the time, and tells what comes next, whoever does it.
      const held = { sessionId: used.id, controllerToken: used.token };
      await retried(() => other.lease.release(held));
      await expect.poll(() => watch.newest(used.id)?.liveLeases, inTime).toBe(0);
      expect(watch.end).toBeUndefined();
      expect(verdictsOf(service)).toEqual([]);
      expect(service.log.filter(({ where }) => where === "heartbeat").length).toBeLessThan(
        bucketCount,
      );
      expect(verdictsOf(other)).toEqual(["lease ended: released"]);

      const [healed] = renewals.accepted(ending);
      print(trouble.name, { first: refused[0], slowestMs, healedMs: (healed?.at ?? 0) - ending });
      expect(reports.answers.length).toBeGreaterThan(0);
    },
  );
});

async function startSite(): Promise<Site> {
  await using started = new AsyncDisposableStack();
  const durable = { appendonly: "yes", appendfsync: "always" };
  const primary = started.use(await startRedis(durable));
  const replica = started.use(await startRedis(durable));
  const address = started.use(await startTcpProxy(primary.port));
  await replica.follow(primary.port);
  const owned = started.move();
  return { primary, replica, address, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function failOver({ replica, address }: Site): Promise<void> {
  await replica.command("REPLICAOF", "NO", "ONE");
  address.pointTo(replica.port);
}

function serve({ address }: Site): Promise<RunningService> {
  return runService({
    policy,
    env: {
      LEASE_STORE_URL: `redis://127.0.0.1:${address.port}`,
      LEASE_TOKEN_KEY: "0123456789abcdef0123456789abcdef",
    },
  });
}

interface Measured {
  readonly first: { readonly tookMs: number } | undefined;
  readonly slowestMs: number;
  readonly healedMs: number;
}

function print(name: string, { first, slowestMs, healedMs }: Measured): void {
  const [firstMs, slowest, healed] = [first?.tookMs ?? 0, slowestMs, healedMs].map(Math.round);
  process.stdout.write(
    `Redis ${name}: first UNAVAILABLE after ${firstMs} ms, slowest answer ${slowest} ms, accepted again after ${healed} ms\n`,
  );
}
