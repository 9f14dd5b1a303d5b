import { describe, expect, test } from "vitest";

import { given, start } from "../given.ts";
import {
  accepted,
  currentIn,
  ended,
  event,
  happened,
  lease,
  liveFor,
  liveLeases,
  nothingHappened,
  refused,
  sessionOf,
  versionKept,
  versionRose,
} from "../outcomes.ts";
import {
  acquired,
  attached,
  checked,
  detached,
  later,
  onFastPath,
  policy,
  released,
  renewed,
  repeatedly,
  tokenKeys,
  wait,
} from "../steps.ts";

describe("the life of a lease", () => {
  test("Held: a lease is live until its expiry and not at it", () => {
    given(attached(), acquired("tile"))
      .when(wait(29_999), checked("tile"))
      .expect(accepted(), liveFor("tile", 1))
      .when(wait(1), checked("tile"))
      .expect(refused({ reason: "LEASE_NOT_LIVE", endedBy: "expired" }), ended("tile", "expired"));
  });

  test("Held: a renewal moves the expiry, and only later", () => {
    given(attached(), acquired("tile", { ttlMs: 60_000 }))
      .when(renewed("tile", { ttlMs: 10_000 }))
      .expect(liveFor("tile", 60_000))
      .when(wait(20_000), renewed("tile", { ttlMs: 50_000 }))
      .expect(liveFor("tile", 50_000));
  });

  test("Held: a lease that was seen to end never revives", () => {
    given(attached(), acquired("tile"), later(30_000))
      .expect(ended("tile", "expired"))
      .when(renewed("tile", { ttlMs: 300_000 }))
      .expect(refused({ reason: "LEASE_NOT_LIVE", endedBy: "expired" }), nothingHappened);
  });

  test("Held: checking a lease never moves its expiry", () => {
    given(attached(), acquired("tile"))
      .when(wait(10_000), checked("tile"))
      .expect(nothingHappened, liveFor("tile", 20_000));
  });

  test("an expiry is recorded at its own moment, whenever it is noticed", () => {
    given(onFastPath(), acquired("agent", { ttlMs: 5_000 }))
      .when(later(9_000))
      .expect(event({ kind: "LeaseEnded", at: start + 5_000, endedBy: "expired" }), versionRose);
  });
});

describe("ttl", () => {
  const clamped: readonly [asked: number | undefined, held: number][] = [
    [undefined, 30_000],
    [1, 5_000],
    [4_999, 5_000],
    [5_000, 5_000],
    [5_001, 5_001],
    [300_000, 300_000],
    [300_001, 300_000],
  ];
  test.each(clamped)("a grant that asks for %s ms holds for %i ms", (ttlMs, held) => {
    given(attached())
      .when(acquired("tile", ttlMs === undefined ? {} : { ttlMs }))
      .expect(liveFor("tile", held));
  });

  test("a renewal without a ttl gets the last one asked for, clamped", () => {
    given(attached(), acquired("tile", { ttlMs: 90_000 }), renewed("tile", { ttlMs: 400_000 }))
      .when(wait(1_000), renewed("tile"))
      .expect(liveFor("tile", 300_000));
  });

  test("acquiring one's own lease again without a ttl goes by the recorded one", () => {
    given(attached(), acquired("tile", { ttlMs: 90_000 }))
      .when(wait(1_000), acquired("tile"))
      .expect(liveFor("tile", 90_000), liveLeases("tile"));
  });

  const extensions: readonly [asked: number | undefined, plain: boolean][] = [
    [undefined, true],
    [59_999, true],
    [60_000, true],
    [60_001, false],
  ];
  test.each(extensions)("over 60 s, a renewal that asks for %s ms is plain: %s", (ttlMs, plain) => {
    given(attached(), acquired("tile", { ttlMs: 60_000 }))
      .when(wait(1_000), renewed("tile", ttlMs === undefined ? {} : { ttlMs }))
      .expect(event({ kind: "LeaseExtended", plain }));
  });

  test("after a shorter ttl was asked, the one before is no longer plain", () => {
    given(attached(), acquired("tile", { ttlMs: 60_000 }), renewed("tile", { ttlMs: 20_000 }))
      .when(renewed("tile", { ttlMs: 60_000 }))
      .expect(event({ kind: "LeaseExtended", plain: false }));
  });

  test("the next renewal is due after a share of what remains, between one half and two thirds", () => {
    given(attached(), acquired("tile"))
      .when(renewed("tile"))
      .expect(accepted({ renewAfterMs: 17_400 }));
  });
});

describe("the key of a lease", () => {
  test("several leases may be live at once, under their own account and reason", () => {
    given(attached(), acquired("agent"), acquired("tile"))
      .when(acquired("tile of another", { reason: "tile", account: "account-2" }))
      .expect(liveLeases("agent", "tile", "tile"));
  });

  test("acquiring under a live key renews that lease: same id, epoch and token", () => {
    given(attached(), acquired("tile")).expect((world) => {
      const before = lease(world, "tile");
      given(attached(), acquired("tile"))
        .when(wait(5_000), acquired("tile"))
        .expect((again) => {
          expect(lease(again, "tile")).toEqual({ ...before, expiresAt: before.expiresAt + 5_000 });
        });
    });
  });

  test("a lease without account and reason is one key like any other", () => {
    given(attached(), acquired("nameless", { account: "", reason: "" }))
      .when(acquired("again", { account: "", reason: "" }))
      .expect(happened("LeaseExtended"), liveLeases(""));
  });

  test("Fenced: the later grant under a key has the greater epoch", () => {
    given(attached(), acquired("first", { reason: "tile" }), released("first"))
      .when(wait(1), acquired("second", { reason: "tile" }))
      .expect((world) => {
        const { epoch, ended: old } = sessionOf(world).leases;
        expect(lease(world, "second").epoch).toBe(epoch);
        expect(old.map((one) => one.id)).not.toContain(lease(world, "second").id);
      })
      .when(renewed("first"))
      .expect(refused({ reason: "LEASE_NOT_LIVE", endedBy: "released" }));
  });

  test("Fenced: epochs and versions begin at service time, so that a lost store repeats none", () => {
    given(attached(), acquired("tile")).expect((world) => {
      expect(lease(world, "tile").epoch).toBeGreaterThanOrEqual(start);
      expect(sessionOf(world).version).toBeGreaterThan(start);
      expect(sessionOf(world).leases.version).toBeGreaterThan(start);
    });
  });
});

describe("tokens", () => {
  test("the record keeps one hash, by the key in use", () => {
    given(attached(), tokenKeys("new", "old"), acquired("tile")).expect((world) => {
      const { id, tokenHashes } = lease(world, "tile");
      expect(tokenHashes).toEqual([`new(${id})`]);
    });
  });

  test("a token of the previous key stays as it is", () => {
    given(attached(), tokenKeys("old"), acquired("tile"), tokenKeys("new", "old"))
      .when(acquired("tile"))
      .expect(happened("LeaseExtended"));
  });

  test("when the key is lost, a second token answers to the lease, and the first still does", () => {
    given(attached(), tokenKeys("old"), acquired("tile"), tokenKeys("new"))
      .when(acquired("tile"))
      .expect(happened("LeaseRekeyed", "LeaseExtended"), versionKept)
      .when(renewed("tile"))
      .expect(accepted())
      .when(tokenKeys("old"), renewed("tile"))
      .expect(accepted());
  });

  test("both tokens of a rekeyed lease are remembered when it ends", () => {
    given(attached(), tokenKeys("old"), acquired("tile"), tokenKeys("new"), acquired("tile"))
      .when(released("tile"), tokenKeys("old"), renewed("tile"))
      .expect(refused({ reason: "LEASE_NOT_LIVE", endedBy: "released" }));
  });

  test("after a second loss the newest two answer", () => {
    given(attached(), tokenKeys("a"), acquired("tile"), tokenKeys("b"), acquired("tile"))
      .when(tokenKeys("c"), acquired("tile"))
      .expect((world) => {
        const { id, tokenHashes } = lease(world, "tile");
        expect(tokenHashes).toEqual([`b(${id})`, `c(${id})`]);
      });
  });
});

describe("how many", () => {
  const many = (count: number): readonly string[] =>
    Array.from({ length: count }, (_, index) => `agent-${index}`);

  test("at most 64 leases are live; the next grant is refused until one ends", () => {
    given(attached(), ...many(64).map((name) => acquired(name)))
      .when(wait(1_000), acquired("one more"))
      .expect(refused({ reason: "TOO_MANY", what: "leases", retryAfterMs: 29_000 }))
      .when(acquired("agent-7"))
      .expect(accepted())
      .when(released("agent-3"), acquired("one more"))
      .expect(accepted());
  });

  test("how the last 64 leases ended is remembered, and older ones are unknown", () => {
    const all = many(65).flatMap((name) => [acquired(name), released(name)]);
    given(attached(), ...all)
      .when(renewed("agent-1"))
      .expect(refused({ reason: "LEASE_NOT_LIVE", endedBy: "released" }))
      .when(renewed("agent-0"))
      .expect(refused({ reason: "LEASE_NOT_LIVE", endedBy: "unknown" }));
  });

  test("leases may be granted and end any number of times", () => {
    given(attached(), policy({ liveLeasesMax: 1 }))
      .when(repeatedly(1_000, 20_000, acquired("tile"), released("tile")))
      .expect(liveLeases());
  });
});

describe("ending a lease", () => {
  test("releasing ends it at once, is seen, and touches no transport", () => {
    given(onFastPath())
      .when(released("tile"))
      .expect(accepted({ released: true }), happened("LeaseEnded"), versionRose)
      .expect(ended("tile", "released"), (world) => currentIn(world));
  });

  test("releasing an ended or unknown token is no error", () => {
    given(attached(), acquired("tile"), released("tile"))
      .when(released("tile"))
      .expect(accepted({ released: false }), nothingHappened)
      .when(released("nobody"))
      .expect(accepted({ released: false }), nothingHappened);
  });

  const unknown = { reason: "LEASE_NOT_LIVE", endedBy: "unknown" } as const;
  test("a token that was never issued is unknown", () => {
    given(attached())
      .when(renewed("nobody"))
      .expect(refused(unknown))
      .when(checked("nobody"))
      .expect(refused(unknown));
  });

  test("on an unknown session, every lease call says so", () => {
    for (const call of [renewed("tile"), released("tile"), checked("tile"), acquired("tile")]) {
      given().when(call).expect(refused("SESSION_UNKNOWN"), nothingHappened);
    }
  });

  test("detaching ends every lease", () => {
    given(attached(), acquired("tile"), acquired("agent"))
      .when(detached())
      .expect(ended("tile", "detached"), ended("agent", "detached"));
  });
});
