import { describe, expect, test } from "vitest";

import {
  cannotOpenRedis,
  checkServer,
  withoutPassword,
} from "../../../../src/store/redis/link/redis-check.ts";

const fit: Readonly<Record<string, string>> = {
  redis_version: "7.0.15",
  maxmemory_policy: "noeviction",
  role: "master",
};

function check(of: Readonly<Record<string, string>>): void {
  checkServer(new Map(Object.entries({ ...fit, ...of })));
}

describe("a Redis that loses nothing", () => {
  test.each(["7.0.0", "7.2.4", "8.0.1", "10.1.0"])("may be version %s", (version) => {
    expect(() => check({ redis_version: version })).not.toThrow();
  });

  test.each(["6.2.14", "5.0.7", "unknown"])("may not be version %s", (version) => {
    expect(() => check({ redis_version: version })).toThrow(
      `it is version ${version}; use Redis or Valkey 7 or newer`,
    );
  });

  test.each(["allkeys-lru", "volatile-lru", "volatile-ttl", "allkeys-random"])(
    "may not evict by %s",
    (policy) => {
      expect(() => check({ maxmemory_policy: policy })).toThrow(
        `its maxmemory-policy is ${policy}, which drops sessions when memory is short; set it to noeviction`,
      );
    },
  );

  test("is no replica", () => {
    expect(() => check({ role: "slave" })).toThrow("it is a replica; name the primary");
  });
});

describe("the error of a Redis that cannot be opened", () => {
  const url = "redis://lease:open-sesame@redis.example:6379";

  test("names the address and not the password", () => {
    const { message } = cannotOpenRedis(url, new Error("WRONGPASS invalid username-password pair"));
    expect(message).toMatch(/^Cannot open the store 'redis:\/\/lease:\*\*\*@redis\.example:6379/);
    expect(message).not.toContain("open-sesame");
    expect(withoutPassword("rediss://:open-sesame@redis.example")).not.toContain("open-sesame");
  });

  test("says of one that does not answer in TLS that it may speak none", () => {
    const { message } = cannotOpenRedis("rediss://redis.example", new Error("Connection timeout"));
    expect(message).toContain("or write redis:// without TLS");
  });

  test.each([
    ["connect ECONNREFUSED 127.0.0.1:6379", /it does not answer there .*; start Redis/],
    ["WRONGPASS invalid username-password pair", /correct user and password in the URL/],
    ["NOAUTH HELLO must be called", /correct user and password in the URL/],
    ["NOPERM this user has no permissions to run the 'info' command", /; allow ~lease:\* .*\+info/],
    ["self-signed certificate in certificate chain", /authority in NODE_EXTRA_CA_CERTS/],
    ["Hostname/IP does not match certificate's altnames", /use a name that the certificate bears/],
    ["NOPERM this user has no permissions to access one of the keys", /; allow ~lease:\*/],
    ["ERR The user executing the script can't publish to the channel", /; allow ~lease:\*/],
    ["Socket closed unexpectedly", /if it wants TLS, write rediss:\/\//],
    ["something that nobody has met yet", /: something that nobody has met yet$/],
  ])("says what helps against '%s'", (why, remedy) => {
    expect(cannotOpenRedis(url, new Error(why)).message).toMatch(remedy);
    const within = new Error("outer", { cause: new AggregateError([new Error(why)]) });
    expect(cannotOpenRedis(url, within).message).toMatch(remedy);
  });
});
