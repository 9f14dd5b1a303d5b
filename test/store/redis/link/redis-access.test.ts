import { readFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  rights,
  rightsOnCluster,
  rightsToAcknowledge,
} from "../../../../src/store/redis/link/redis-rights.ts";
import { openRedisStore } from "../../../../src/store/redis/open-redis-store.ts";
import { bucketOf } from "../../../../src/store/redis/records/redis-keys.ts";
import { holdFastPath } from "../../../support/callers/held-session.ts";
import {
  type Certificates,
  hasOpenssl,
  issueCertificate,
} from "../../../support/network/certificates.ts";
import { runService, runToExit, spawnService } from "../../../support/process/run-service.ts";
import { startRedisCluster } from "../../../support/redis/redis-cluster.ts";
import {
  freePort,
  hasRedis,
  type RedisServer,
  startRedis,
} from "../../../support/redis/redis-server.ts";
import { manualClock } from "../../../support/service/manual-clock.ts";
import {
  builtAt,
  busySession,
  insertion,
  removal,
  revisionOf,
  tombstoneRecord,
} from "../../../support/store/store-records.ts";

const secret = "open-sesame-4711";
const key = { LEASE_TOKEN_KEY: "0123456789abcdef0123456789abcdef" };
/** For those that are refused: what is wrong shows at once, and nothing is to be waited for. */
const impatient = { LEASE_LOG_LEVEL: "error", LEASE_REDIS_WAIT_MS: "1000" };
/** A start that fails is over by then, on a busy machine too. */
const exitMs = 30_000;

/** The process ends soon, with one line that says why and what helps, and no secret in it. */
async function refusalOf(url: string): Promise<string> {
  const began = performance.now();
  const exit = await runToExit({ ...key, ...impatient, LEASE_STORE_URL: url });
  expect(exit.code).toBe(1);
  expect(performance.now() - began).toBeLessThan(exitMs);
  expect(exit.stdout).toBe("");
  expect(exit.stderr).not.toContain(secret);
  expect(exit.stderr.split("\n")).toHaveLength(1);
  expect(exit.stderr).toMatch(
    /^controller-lease: Cannot open the store 'rediss?:.*\(LEASE_STORE_URL\)$/,
  );
  return exit.stderr;
}

describe.skipIf(!hasRedis)("the process does not start", () => {
  test("where Redis may drop sessions", async () => {
    await using server = await startRedis({ "maxmemory-policy": "allkeys-lru" });
    expect(await refusalOf(server.url)).toContain(
      "its maxmemory-policy is allkeys-lru, which drops sessions when memory is short; set it to noeviction",
    );
  });

  test("on a replica", async () => {
    await using server = await startRedis();
    await server.command("REPLICAOF", "127.0.0.1", String(await freePort()));
    expect(await refusalOf(server.url)).toContain("it is a replica; name the primary");
  });

  test("where nobody listens", async () => {
    const url = `redis://lease:${secret}@127.0.0.1:${await freePort()}`;
    expect(await refusalOf(url)).toMatch(/it does not answer there \(.*ECONNREFUSED/);
  });

  test("where nobody answers", async () => {
    await using server = await startRedis();
    server.signal("SIGSTOP");
    expect(await refusalOf(server.url)).toContain("it does not answer there");
  });

  test("with a wrong password", async () => {
    await using server = await startRedis();
    await server.command("ACL", "SETUSER", "lease", "on", ">another", "~*", "&*", "+@all");
    expect(await refusalOf(as(server))).toMatch(/WRONGPASS.*correct user and password/);
  });

  test("as a user that may not do everything it needs", async () => {
    await using server = await startRedis();
    await allow(server, rights.replace(" +zadd", "").replace(" +hset", ""));
    const refusal = await refusalOf(as(server));
    expect(refusal).toContain("this user may not do what the store needs (not hset, zadd)");
    expect(refusal).toContain(`allow ${rights}`);
  });
});

describe.skipIf(!hasRedis)("a user with the rights that are named, and no others,", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  test("can do whatever the store does", async () => {
    await allow(server, rights);
    await useEverything(server);
  });

  test("needs every single one of them", async () => {
    const words = rights.split(" ").filter((word) => word !== "+ping");
    expect(words.length).toBeGreaterThan(20);
    for (const word of words) {
      const fewer = rights.split(" ").filter((other) => other !== word);
      await allow(server, fewer.join(" "));
      await expect(useEverything(server), `without ${word}`).rejects.toThrow(
        "this user may not do what the store needs",
      );
    }
  });

  test("needs one more to ask replicas", async () => {
    await allow(server, rights);
    const open = () =>
      openRedisStore(as(server), { clock: manualClock(builtAt), acknowledgements: 1 });
    await expect(open()).rejects.toThrow(rightsToAcknowledge);
    await allow(server, `${rights} ${rightsToAcknowledge}`);
    await (await open())[Symbol.asyncDispose]();
  });

  test("is the one in the README", () => {
    const readme = readFileSync(
      join(import.meta.dirname, "../../../../src/store/README.md"),
      "utf8",
    );
    for (const words of [rights, rightsToAcknowledge, rightsOnCluster]) {
      expect(readme.replaceAll(/\s+/g, " ")).toContain(words);
    }
  });

  test("never sees its password in the log, whatever happens", async () => {
    await using own = await startRedis();
    await allow(own, rights);
    await using service = await runService({ env: { ...key, LEASE_STORE_URL: as(own) } });
    const held = await holdFastPath(service, "session-1");
    await own.kill();
    await expect(held.renew()).rejects.toThrow(/the store cannot be reached/);
    await expect.poll(() => service.log.map(({ msg }) => msg)).toContain("store call failed");
    await service.drain();
    expect(JSON.stringify(service.log)).toContain(`redis://lease:***@127.0.0.1:${own.port}`);
    expect(JSON.stringify(service.log)).not.toContain(secret);
  });
});

describe.skipIf(!(hasRedis && hasOpenssl))("over TLS", () => {
  let certificates: Certificates;
  let server: RedisServer;
  let tlsPort: number;

  beforeAll(async () => {
    certificates = await issueCertificate("IP:127.0.0.1");
    tlsPort = await freePort();
    server = await startRedis({
      "tls-port": String(tlsPort),
      "tls-cert-file": certificates.certificate,
      "tls-key-file": certificates.key,
      "tls-ca-cert-file": certificates.authority,
      "tls-auth-clients": "no",
    });
    await allow(server, rights);
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await certificates?.[Symbol.asyncDispose]();
  });

  const url = (host = "127.0.0.1"): string => `rediss://lease:${secret}@${host}:${tlsPort}`;

  test("a process that knows whom to trust serves", async () => {
    const { authority } = certificates;
    const env = { ...key, LEASE_STORE_URL: url(), NODE_EXTRA_CA_CERTS: authority };
    await using service = await spawnService({ ...env, LEASE_LOG_LEVEL: "trace" });
    const held = await holdFastPath(service, "session-1");
    await held.renew();
    await service.stop();
    expect([...service.stdout, ...service.stderr].join("\n")).not.toContain(secret);
    const keys = (await server.command("KEYS", "lease:*:session:*")) as readonly string[];
    expect(keys).toHaveLength(1);
  });

  test("it serves from a cluster too, each node of which speaks TLS", async () => {
    await using cluster = await startRedisCluster(certificates);
    const { authority } = certificates;
    const env = { ...key, LEASE_STORE_URL: cluster.url, NODE_EXTRA_CA_CERTS: authority };
    await using service = await spawnService(env);
    const ids = Array.from({ length: 12 }, (_, index) => `session-${index}`);
    for (const id of ids) await (await holdFastPath(service, id)).renew();
    const kept = await Promise.all(
      cluster.nodes.map(async (node) => {
        const role = (await node.command("ROLE")) as readonly unknown[];
        const keys = (await node.command("KEYS", "lease:*:session:*")) as readonly string[];
        return role[0] === "master" ? keys.length : 0;
      }),
    );
    expect(kept.filter((count) => count > 0).length).toBeGreaterThan(1);
    expect(kept.reduce((sum, count) => sum + count, 0)).toBe(ids.length);
    await service.stop();
  });

  test("one that does not know trusts nobody, and says what to set", async () => {
    expect(await refusalOf(url())).toMatch(
      /its certificate is not trusted \(.*\); name its authority in NODE_EXTRA_CA_CERTS/,
    );
  });

  test("the error says so when TLS is missing, or is not spoken there", async () => {
    const plain = `redis://lease:${secret}@127.0.0.1:${tlsPort}`;
    expect(await refusalOf(plain)).toContain("if it wants TLS, write rediss://");
    const none = `rediss://lease:${secret}@127.0.0.1:${server.port}`;
    expect(await refusalOf(none)).toContain("or write redis:// without TLS");
  });
});

function as({ port }: RedisServer): string {
  return `redis://lease:${secret}@127.0.0.1:${port}`;
}

async function allow(server: RedisServer, words: string): Promise<void> {
  await server.command("ACL", "SETUSER", "lease", "reset", "on", `>${secret}`, ...words.split(" "));
}

/** Whatever the store can do: it is opened, kept, read, claimed, forgotten, and its gaps recorded. */
async function useEverything(server: RedisServer): Promise<void> {
  await server.command("FLUSHALL");
  const store = await openRedisStore(as(server), { clock: manualClock(builtAt) });
  try {
    const record = busySession();
    const bucket = store.bucketOf(record.id);
    const heartbeat = { now: builtAt, quietMs: 1_500, kind: "absence", after: 0 } as const;
    const { incarnation } = await store.heartbeat(bucket, heartbeat);
    const basis = { gap: 0, incarnation, reachedSince: builtAt };
    await store.commit(insertion(record, { basis, deadline: builtAt }));
    expect(await store.due(builtAt, 1)).toEqual([record.id]);
    expect(await store.list({ beachId: undefined, after: undefined, limit: 1 })).toEqual([record]);
    expect(await store.count(undefined)).toMatchObject({ sessions: 1 });
    const next = tombstoneRecord({ revision: 2 });
    await store.commit(insertion(next, { basis, previous: record, deadline: builtAt + 60_000 }));
    const back = revisionOf<typeof record | typeof next>(next, { ...record, revision: 3 });
    await store.commit({ ...back, basis });
    await store.commit({ ...removal(back.next), basis });
    store.noteRenewals(record.beachId, builtAt, 1);
    await store.heartbeat(bucketOf(record.beachId), heartbeat);
    const { gaps } = await store.heartbeat(bucket, { ...heartbeat, now: builtAt + 5_000 });
    expect(gaps.length).toBeGreaterThan(0);
  } finally {
    await store[Symbol.asyncDispose]();
  }
}
