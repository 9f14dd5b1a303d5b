import { describe, expect, test } from "vitest";

import { defaultPolicy } from "../../src/core/policy.ts";
import { type Environment, type Settings, toSettings } from "../../src/settings/settings.ts";
import { settingsHelp, settingsMarkdown } from "../../src/settings/settings-help.ts";
import { settingsTable } from "../../src/settings/settings-table.ts";

function settingsOf(env: Environment): Settings {
  const result = toSettings(env);
  return result.kind === "settings" ? result.settings : expect.fail(result.faults.join("\n"));
}

function faultsOf(env: Environment): readonly string[] {
  const result = toSettings(env);
  return result.kind === "faults" ? result.faults : expect.fail("the environment was accepted");
}

describe("settings", () => {
  test("of an empty environment are the defaults", () => {
    expect(settingsOf({})).toEqual({
      grpcListen: { host: "127.0.0.1", port: 50051 },
      httpListen: { host: "127.0.0.1", port: 8090 },
      opsListen: { host: "127.0.0.1", port: 9464 },
      redisAckReplicas: 0,
      redisWaitMs: 60_000,
      store: { kind: "sqlite", path: "data/controller-lease.db" },
      tokenKey: undefined,
      tokenKeyPrevious: undefined,
      auth: { kind: "dev" },
      publishTokenSecret: undefined,
      corsOrigins: [],
      managerUrl: "http://127.0.0.1:8080",
      policy: defaultPolicy,
      logLevel: "info",
      linkedServices: [],
    });
  });

  test.each([
    ["[::1]:8000", "::1"],
    ["[0:0:0:0:0:0:0:1]:8000", "::1"],
    ["[::ffff:127.0.0.1]:8000", "::ffff:7f00:1"],
  ])("take %s for loopback", (address, host) => {
    const { grpcListen } = settingsOf({ LEASE_GRPC_LISTEN: address });
    expect(grpcListen).toEqual({ host, port: 8000 });
  });

  test.each([
    ["::1:8000", "must be [host]:port around an IPv6 host, such as [::1]:0"],
    ["[::g]:8000", "must be"],
    ["127.0.0.256:8000", "must be host:port, such as 127.0.0.1:50051"],
    ["[::]:8000", "bind to loopback"],
    ["[::ffff:10.0.0.1]:8000", "bind to loopback"],
    ["[fe80::1%eth0]:8000", "bind to loopback"],
  ])("take %s for no address of loopback, and say what would be one", (address, why) => {
    expect(faultsOf({ LEASE_GRPC_LISTEN: address })).toEqual([expect.stringContaining(why)]);
  });

  test("name Redis by an IPv6 address, with or without a database", () => {
    const of = (url: string) =>
      settingsOf({ LEASE_STORE_URL: url, LEASE_TOKEN_KEY: "k".repeat(32) }).store;
    for (const url of ["redis://[::1]", "rediss://u:p%40@[::1]:6380/15", "redis://h:1/"]) {
      expect(of(url)).toEqual({ kind: "redis", url });
    }
  });

  test.each([
    "redis://:50%@h",
    "redis://a%zz@h",
    "redis://[::1",
    "redis://h/x",
    "redis://h/1/2",
    "redis://h?db=2",
    "redis://:6379",
  ])("do not take %s for a Redis", (url) => {
    const faults = faultsOf({ LEASE_STORE_URL: url });
    expect(faults).toEqual([expect.stringContaining("LEASE_STORE_URL must be")]);
  });

  test("say how an origin is written when the value is none", () => {
    const faults = faultsOf({ LEASE_CORS_ORIGINS: "http://[0:0:0:0:0:0:0:1]:3000" });
    expect(faults).toEqual([expect.stringContaining("write it as http://[::1]:3000")]);
  });

  test("take an empty value for none", () => {
    expect(settingsOf({ LEASE_TTL_MS: "", LEASE_CORS_ORIGINS: " " })).toEqual(settingsOf({}));
  });

  test("read every value that is set", () => {
    const settings = settingsOf({
      LEASE_GRPC_LISTEN: "localhost:0",
      LEASE_HTTP_LISTEN: "[::1]:8000",
      LEASE_OPS_LISTEN: "127.1.2.3:9",
      LEASE_STORE_URL: "memory:",
      LEASE_TOKEN_KEY: "k".repeat(32),
      LEASE_TOKEN_KEY_PREVIOUS: "p".repeat(32),
      LEASE_CORS_ORIGINS: "https://a.example, http://b.example:81",
      LEASE_MANAGER_URL: "https://manager.example/x",
      LEASE_ROAD_URL: "https://road.example/base",
      LEASE_TTL_MS: "20000",
      LEASE_TTL_MIN_MS: "10000",
      LEASE_TTL_MAX_MS: "40000",
      LEASE_NEGOTIATION_TIMEOUT_MS: "12000",
      LEASE_EVIDENCE_STALE_MS: "9000",
      LEASE_EVIDENCE_LOST_MS: "25000",
      LEASE_RETIRE_LINGER_MS: "4000",
      LEASE_SESSION_IDLE_MS: "60000",
      LEASE_LOG_LEVEL: "debug",
      PATH: "/bin",
    });
    expect(settings).toMatchObject({
      grpcListen: { host: "localhost", port: 0 },
      httpListen: { host: "::1", port: 8000 },
      opsListen: { host: "127.1.2.3", port: 9 },
      store: { kind: "memory" },
      tokenKey: "k".repeat(32),
      tokenKeyPrevious: "p".repeat(32),
      corsOrigins: ["https://a.example", "http://b.example:81"],
      managerUrl: "https://manager.example/x",
      logLevel: "debug",
      policy: {
        leaseTtlMs: 20_000,
        leaseTtlMsMin: 10_000,
        leaseTtlMsMax: 40_000,
        negotiationTimeoutMs: 12_000,
        evidenceStaleMs: 9_000,
        evidenceLostMs: 25_000,
        retireLingerMs: 4_000,
        sessionIdleMs: 60_000,
      },
    });
  });

  test.each([
    ["sqlite:lease.db", "lease.db"],
    ["sqlite:/var/lib/lease.db", "/var/lib/lease.db"],
    ["sqlite:///var/lib/lease.db", "///var/lib/lease.db"],
  ])("take the path of %s as it is", (url, path) => {
    expect(settingsOf({ LEASE_STORE_URL: url }).store).toEqual({ kind: "sqlite", path });
  });

  test("cannot be changed afterwards", () => {
    const settings = settingsOf({});
    expect(Object.isFrozen(settings)).toBe(true);
    expect(Object.isFrozen(settings.policy)).toBe(true);
    expect(Object.isFrozen(settings.store)).toBe(true);
  });
});

const jwt = {
  LEASE_AUTH: "jwt",
  LEASE_AUTH_JWKS_FILE: "keys/jwks.json",
  LEASE_AUTH_ISSUER: "beach-gate",
  LEASE_AUTH_AUDIENCE: "beach-manager",
  LEASE_TOKEN_KEY: "a key of the tests, and not a secret",
};

function jwtAt(url: string): Environment {
  return { ...jwt, LEASE_AUTH_JWKS_FILE: "", LEASE_AUTH_JWKS_URL: url };
}

test("jwt takes callers from beyond loopback", () => {
  const result = toSettings({ ...jwt, LEASE_HTTP_LISTEN: "0.0.0.0:8090" });
  expect(result).toMatchObject({
    kind: "settings",
    settings: {
      auth: {
        kind: "jwt",
        keySet: { kind: "file", path: "keys/jwks.json" },
        issuer: "beach-gate",
        audience: "beach-manager",
      },
    },
  });
});

describe("faults", () => {
  test("are all listed at once, each with its setting", () => {
    const faults = faultsOf({
      LEASE_GRPC_LISTEN: "50051",
      LEASE_STORE_URL: "postgres://x",
      LEASE_TOKEN_KEY: "short",
      LEASE_AUTH: "none",
      LEASE_CORS_ORIGINS: "https://a.example/path",
      LEASE_MANAGER_URL: "manager",
      LEASE_TTL_MS: "30s",
      LEASE_EVIDENCE_LOST_MS: "-1",
      LEASE_LOG_LEVEL: "loud",
      LEASE_NOVELTY: "1",
    });
    const named = faults.map((fault) => /LEASE_\w+/.exec(fault)?.[0]);
    expect(new Set(named)).toEqual(
      new Set([
        "LEASE_NOVELTY",
        "LEASE_GRPC_LISTEN",
        "LEASE_STORE_URL",
        "LEASE_TOKEN_KEY",
        "LEASE_AUTH",
        "LEASE_CORS_ORIGINS",
        "LEASE_MANAGER_URL",
        "LEASE_TTL_MS",
        "LEASE_EVIDENCE_LOST_MS",
        "LEASE_LOG_LEVEL",
      ]),
    );
    expect(faults).toHaveLength(10);
  });

  test.each(["road", "ftp://road", "http://user:secret@road", "http://road?key=secret"])(
    "refuse %s for Beach Road, and show nothing of it",
    (url) => {
      const [fault] = faultsOf({ LEASE_ROAD_URL: url });
      expect(fault).toMatch(/LEASE_ROAD_URL must be.*without user.*127\.0\.0\.1:4132/);
      expect(fault).not.toContain("secret");
    },
  );

  test.each([
    ["a misspelt name", { LEASE_TTLMS: "1" }, /did you mean LEASE_TTL_MS\?/],
    ["half a name", { LEASE_GRPC: "1" }, /did you mean LEASE_GRPC_LISTEN\?/],
    ["a name that resembles none", { LEASE_XYZZY_PLUGH_FOO: "1" }, /--help/],
    ["Redis without a key", { LEASE_STORE_URL: "redis://localhost" }, /LEASE_TOKEN_KEY.*openssl/],
    ["a Redis URL without a host", { LEASE_STORE_URL: "redis://" }, /redis:\/\/host/],
    ["acknowledgements without Redis", { LEASE_REDIS_ACK_REPLICAS: "1" }, /LEASE_STORE_URL/],
    ["half an acknowledgement", { LEASE_REDIS_ACK_REPLICAS: "0.5" }, /from 0 to 9/],
    ["jwt without keys", jwtAt(""), /LEASE_AUTH_JWKS_URL or LEASE_AUTH_JWKS_FILE.*npm run keys/],
    ["an issuer with dev", { LEASE_AUTH_ISSUER: "gate" }, /needs LEASE_AUTH=jwt/],
    [
      "a key set by address and in a file",
      { ...jwt, LEASE_AUTH_JWKS_URL: "https://gate.example/jwks" },
      /not both/,
    ],
    ["a key set that is no address", { ...jwtAt("gate/jwks") }, /LEASE_AUTH_JWKS_URL.*http/],
    ["jwt without an audience", { ...jwt, LEASE_AUTH_AUDIENCE: "" }, /LEASE_AUTH_AUDIENCE/],
    ["jwt without a token key", { ...jwt, LEASE_TOKEN_KEY: "" }, /LEASE_TOKEN_KEY is missing/],
    ["a short publish secret", { LEASE_PUBLISH_TOKEN_SECRET: "short" }, /at least 32/],
    ["a port beyond 65535", { LEASE_OPS_LISTEN: "127.0.0.1:70000" }, /host:port/],
    ["a sqlite URL without a path", { LEASE_STORE_URL: "sqlite:" }, /sqlite:path/],
    ["a sqlite URL with a host", { LEASE_STORE_URL: "sqlite://data/a.db" }, /sqlite:data/],
    ["SQLite's own word for memory", { LEASE_STORE_URL: "sqlite::memory:" }, /memory:/],
    ["a previous key alone", { LEASE_TOKEN_KEY_PREVIOUS: "p".repeat(32) }, /set both/],
    ["a ttl below its minimum", { LEASE_TTL_MS: "1000" }, /ttl must not be below/],
  ])("of %s say what to write instead", (_what, env, remedy) => {
    const faults = faultsOf(env);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(remedy);
  });

  test("of a relation name its settings, their values, the rule and both remedies", () => {
    expect(faultsOf({ LEASE_TTL_MIN_MS: "40000", LEASE_EVIDENCE_STALE_MS: "31000" })).toEqual([
      "LEASE_TTL_MIN_MS is 40000 and LEASE_TTL_MS is 30000 (the default): the lease ttl must not be below the shortest one; set LEASE_TTL_MIN_MS to at most 30000, or LEASE_TTL_MS to at least 40000",
      "LEASE_EVIDENCE_STALE_MS is 31000 and LEASE_EVIDENCE_LOST_MS is 30000 (the default): evidence must be stale before it is lost; set LEASE_EVIDENCE_STALE_MS to less than 30000, or LEASE_EVIDENCE_LOST_MS to more than 31000",
    ]);
  });

  test("of a relation to something that is no setting name the one setting", () => {
    const [fault] = faultsOf({ LEASE_EVIDENCE_STALE_MS: "3000" });
    expect(fault).toBe(
      "LEASE_EVIDENCE_STALE_MS is 3000: good evidence must count before it is stale; set LEASE_EVIDENCE_STALE_MS to more than 3000",
    );
  });

  test("of a relation are listed beside others, but not for a setting that was not understood", () => {
    const faults = faultsOf({
      LEASE_TTL_MS: "soon",
      LEASE_TTL_MIN_MS: "40000",
      LEASE_RETIRE_LINGER_MS: "16000",
    });
    expect(faults).toEqual([
      expect.stringMatching(/^LEASE_TTL_MS is "soon"/),
      expect.stringMatching(/^LEASE_RETIRE_LINGER_MS is 16000 and LEASE_NEGOTIATION_TIMEOUT_MS/),
    ]);
  });

  test.each([
    ["LEASE_TTL_MIN_MS", "LEASE_TTL_MAX_MS", { LEASE_TTL_MIN_MS: "300001" }],
    ["LEASE_TTL_MS", "LEASE_TTL_MAX_MS", { LEASE_TTL_MS: "300001" }],
    ["LEASE_NEGOTIATION_TIMEOUT_MS", "LEASE_EVIDENCE_LOST_MS", { LEASE_EVIDENCE_LOST_MS: "12000" }],
  ])("of %s against %s name both", (one, other, env) => {
    const faults = faultsOf(env);
    expect(faults.some((fault) => fault.includes(one) && fault.includes(other))).toBe(true);
  });

  test.each([
    "0.0.0.0:50051",
    "[::]:50051",
    "10.0.0.1:50051",
    "beach.example:50051",
    "127.evil.example:1",
  ])("name a way out when dev auth would listen on %s", (address) => {
    const faults = faultsOf({ LEASE_GRPC_LISTEN: address });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(/LEASE_GRPC_LISTEN.*LEASE_AUTH=dev.*loopback.*127\.0\.0\.1/);
  });

  test("show no secret", () => {
    const faults = faultsOf({ LEASE_TOKEN_KEY: "hunter2", LEASE_TOKEN_KEY_PREVIOUS: "hunter3" });
    expect(faults.join("\n")).not.toMatch(/hunter/);
  });
});

describe("every setting", () => {
  test.each(settingsTable)("$name is in the help and in the Markdown table", (setting) => {
    for (const text of [settingsHelp(), settingsMarkdown()]) {
      expect(text).toContain(setting.name);
      expect(text).toContain(setting.meaning);
      expect(text).toContain(setting.default);
    }
  });
});
