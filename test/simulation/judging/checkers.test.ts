import { describe, expect, test } from "vitest";

import type { LeaseEnd } from "../../../src/core/session.ts";
import type { Answer, Ask } from "../seen/ask.ts";
import type { LeaseSeen, TransportSeen } from "../seen/seen.ts";
import {
  acquire,
  lease,
  MadeHistory,
  negotiation,
  onFastPath,
  renew,
  report,
  sessionId,
  start,
} from "./made-history.ts";

type Tell = (history: MadeHistory) => MadeHistory;

/** A lease and a fast path that a reader has seen. */
function usual(): MadeHistory {
  return new MadeHistory().asked(acquire, held()).opened().shown({}).bookmark();
}

function held(changes: Partial<LeaseSeen> = {}, state: Partial<TransportSeen> = {}): Answer {
  return {
    kind: "done",
    lease: { ...lease, ...changes },
    negotiation: { ...refreshed },
    transport: { ...onFastPath, ...state },
  };
}

const refreshed = {
  outcome: "refresh",
  joined: false,
  handshakeId: undefined,
  confirmBy: undefined,
  retryAt: undefined,
} as const;

function renegotiated(handshakeId: string, joined = false): Answer {
  const answer = { ...refreshed, outcome: "renegotiate", joined, handshakeId } as const;
  return { kind: "done", negotiation: answer };
}

function notLive(endedBy: LeaseEnd): Answer {
  return { kind: "refused", refusal: { reason: "LEASE_NOT_LIVE", endedBy } };
}

function verdict(
  standing: "promoted" | "retired" | "lingering" | "unknown",
  generation = 1,
): Answer {
  const said = { path: "fast_path", health: "healthy", generation, standing } as const;
  return { kind: "done", verdict: said };
}

const check: Ask = { kind: "CheckLease", token: "token-1" };
const shown = (changes: Partial<LeaseSeen>): Answer => ({
  kind: "done",
  lease: { ...lease, token: undefined, ...changes },
});

const unknown = verdict("unknown");

/** Both ends say once a second that all is well with h1. */
const well: Tell = (history) => {
  for (let sequence = 1; sequence <= 10; sequence += 1) {
    for (const end of ["manager", "host"] as const) {
      const own = { ...report, end, reporterId: `${end}-1`, sequence };
      history.asked(own, verdict("promoted"), { afterMs: 490 });
    }
  }
  return history;
};

/** What both ends say of h1 comes behind what they say of h2 later, and is dropped. */
const overtaken: Tell = (history) => {
  for (let sequence = 1; sequence < 20; sequence += 2) {
    for (const end of ["manager", "host"] as const) {
      const own = { ...report, end, reporterId: `${end}-1` };
      const after = { afterMs: 490 };
      history.asked({ ...own, handshakeId: "h2", sequence: sequence + 1 }, unknown, after);
      history.asked({ ...own, sequence }, verdict("promoted"));
    }
  }
  return history;
};

const broken: Readonly<Record<string, readonly (readonly [string, Tell])[]>> = {
  Held: [
    ["released by nobody", (h) => h.asked(renew, notLive("released"))],
    ["revoked by nobody", (h) => h.asked(renew, notLive("revoked"))],
    ["detached by nobody", (h) => h.asked(renew, notLive("detached"))],
    ["was over (expired) 29960 ms before its end", (h) => h.asked(renew, notLive("expired"))],
    ["was shortened by 10000 ms", (h) => h.asked(renew, held({ remainingMs: 19_960 }))],
    [
      "was extended by 10040 ms, and nobody had renewed it",
      (h) => h.asked(check, shown({ remainingMs: 40_000 })),
    ],
    [
      "was shown live after it had ended",
      (h) =>
        h
          .asked(renew, notLive("expired"), { afterMs: 30_000 })
          .asked(check, shown({ remainingMs: 5_000 })),
    ],
    ["was shown live after its end", (h) => h.asked(check, shown({ remainingMs: -2_001 }))],
  ],
  Undisturbed: [
    [
      "Renew renegotiated over a usable fast path",
      (h) => h.asked(renew, { ...held(), ...renegotiated("h2") }),
    ],
    [
      "Renew renegotiated although only the lease was asked for",
      (h) =>
        h.asked({ ...renew, leaseOnly: true } as Ask, {
          ...held({}, { path: "http_fallback" }),
          ...renegotiated("h2"),
        }),
    ],
    ["lease-1 has another token", (h) => h.asked(acquire, held({ token: "token-2" }))],
    [
      "a renewal started a handshake over a usable fast path",
      (h) => h.shown({ version: 11, change: "negotiation_started", changeReason: "renewed" }),
    ],
    [
      "a watcher was told what it knew already",
      (h) => h.shown({ version: 11, negotiation }).shown({ version: 12, negotiation }),
    ],
    [
      "h1 is to be closed, and nothing has taken its place",
      (h) => h.asked(report, verdict("retired")),
    ],
  ],
  Overlapped: [
    [
      "the path became http_fallback (health_changed) while h1 was well",
      (h) => well(h).shown({ version: 11, path: "http_fallback", change: "health_changed" }),
    ],
    [
      "the fast path was taken away while h1 was well",
      (h) => well(h).shown({ version: 11, path: "pending", handshakeId: undefined }),
    ],
    [
      "h3, which was not in flight, was promoted while h1 was well",
      (h) => well(h).shown({ version: 11, handshakeId: "h3", generation: 2 }),
    ],
    [
      "it does not linger while h1 was well",
      (h) =>
        well(h.shown({ version: 11, negotiation })).shown({
          version: 12,
          handshakeId: "h2",
          generation: 2,
        }),
    ],
    [
      "the replacement has fewer channels at the manager end while h1 was well",
      (h) =>
        well(h.shown({ version: 11, negotiation })).shown({
          version: 12,
          handshakeId: "h2",
          generation: 2,
          lingering: { handshakeId: "h1", honouredUntil: start + 60_000 },
          ends: onFastPath.ends.map((end) => ({ ...end, readyChannels: [] })),
        }),
    ],
    [
      "h0 was retired while it should have lingered",
      (h) =>
        h
          .shown({
            version: 11,
            lingering: { handshakeId: "h0", honouredUntil: start + 5_000 },
          })
          .asked({ ...report, handshakeId: "h0" }, verdict("retired")),
    ],
  ],
  Single: [
    [
      "h2 was started anew for call 3, not joined",
      (h) => h.asked(renew, renegotiated("h2")).asked(renew, renegotiated("h2")),
    ],
    [
      "h3 was started while h2 was in flight",
      (h) =>
        h.shown({ version: 11, negotiation }).shown({
          version: 12,
          negotiation: { ...negotiation, handshakeId: "h3", startedAt: start + 1_000 },
        }),
    ],
  ],
  Genuine: [
    [
      "Renew left the session without a fast path",
      (h) =>
        h.asked(renew, held({}, { version: 11, path: "http_fallback" })).shown({ version: 12 }),
    ],
    [
      "h1 is usable, although the manager end said that it is over",
      (h) =>
        h
          .asked(report, verdict("promoted"))
          .asked({ ...report, sequence: 2, connection: "closed" }, verdict("promoted"))
          .shown({ version: 12 }),
    ],
    ["the session ends on http_fallback", (h) => h.shown({ version: 11, path: "http_fallback" })],
    [
      "the session ends on h2, which is not up",
      (h) =>
        h.shown({ version: 11, negotiation }).shown({
          version: 12,
          handshakeId: "h2",
          generation: 2,
          lingering: { handshakeId: "h1", honouredUntil: start + 5_000 },
        }),
    ],
  ],
  Fenced: [
    [
      "the generation fell from 2 to 1",
      (h) =>
        h
          .shown({ version: 11, negotiation })
          .shown({ version: 12, handshakeId: "h2", generation: 2 })
          .shown({ version: 13, handshakeId: "h3", generation: 1 }),
    ],
    [
      "generation 1 is that of h2 and of h1",
      (h) => h.shown({ version: 11, negotiation }).shown({ version: 12, handshakeId: "h2" }),
    ],
    [
      "epoch 1 names lease-1 and lease-2",
      (h) => h.asked(acquire, held({ id: "lease-2", reason: "other", token: "token-2" })),
    ],
    [
      "lease-1 is live beside a grant of a later epoch",
      (h) =>
        h
          .asked(acquire, held({ id: "lease-2", epoch: 2, token: "token-2" }))
          .asked(check, shown({ remainingMs: 29_950 })),
    ],
    [
      "h0 was retired and is lingering",
      (h) =>
        h
          .asked({ ...report, handshakeId: "h0" }, verdict("retired"))
          .asked({ ...report, handshakeId: "h0" }, verdict("lingering")),
    ],
    [
      "h1 is served under 1, and was under 2",
      (h) => h.asked({ ...report, generation: 2 }, verdict("promoted")),
    ],
    [
      "h2 was retired and is promoted",
      (h) =>
        h
          .asked({ ...report, handshakeId: "h2" }, verdict("retired"))
          .shown({ version: 11, negotiation })
          .shown({ version: 12, handshakeId: "h2", generation: 2 }),
    ],
    [
      "h0 is lingering, although its lingering is over",
      (h) =>
        h
          .shown({ version: 11, lingering: { handshakeId: "h0", honouredUntil: start + 100 } })
          .asked({ ...report, handshakeId: "h0" }, verdict("lingering"), { afterMs: 5_000 }),
    ],
  ],
  Durable: [
    ["version 9 was shown after 10", (h) => h.opened().shown({ version: 9 })],
    ["version 10 read otherwise before", (h) => h.opened().shown({ liveLeases: 2 })],
    ["version 10 read otherwise before", (h) => h.opened().shown({ promotedAt: start + 1 })],
    [
      "health_changed (manager_silent) happened within a gap (stall)",
      (h) =>
        h.trouble("stall", 10_000).shown({
          version: 11,
          health: "stale",
          change: "health_changed",
          changeReason: "manager_silent",
          changeAt: start + 5_000,
        }),
    ],
    [
      "lease-1 expired 29990 ms early after a gap (absence)",
      (h) => h.trouble("absence", 60_000).asked(renew, notLive("expired")),
    ],
    [
      "lease-1 expired 29950 ms early after a gap (stall)",
      (h) => h.trouble("stall", 60_000).asked(renew, notLive("expired")),
    ],
  ],
  Prompt: [
    ["began after 1001 ms", (h) => h.opened().bookmark({ afterMs: 1_001 })],
    ["was told nothing in 1001 ms", (h) => h.opened().closed({ afterMs: 1_001 })],
    ["was silent for 15001 ms", (h) => h.bookmark({ afterMs: 15_001 })],
    ["was silent for the last 15001 ms", (h) => h.closed({ afterMs: 15_001 })],
  ],
  Ordered: [["was told 10 after 11", (h) => h.shown({ version: 11 }).shown({})]],
  Current: [
    [
      "is still told 10 and others were shown 11",
      (h) =>
        h.asked(renew, held({ remainingMs: 29_950 }, { version: 11 })).bookmark({ afterMs: 1_001 }),
    ],
    [
      "ends with 10, the truth is 11",
      (h) => h.asked(renew, held({ remainingMs: 29_950 }, { version: 11 })),
    ],
  ],
  Resumable: [
    ["was told 10 again", (h) => h.opened({ known: new Map([[sessionId, 10]]) }).shown({})],
  ],
  Bounded: [
    [
      "was told 11 when 12 was shown",
      (h) => h.asked(renew, held({ remainingMs: 29_950 }, { version: 12 })).shown({ version: 11 }),
    ],
    ["claims to have merged 2 of 1", (h) => h.shown({ version: 12 }, {}, 2)],
    [
      "claims to have merged 0 between 10 and 13, and 2 were",
      (h) => between(h).shown({ version: 13 }),
    ],
    [
      "claims to have merged 1 between 10 and 13, and 2 were",
      (h) => between(h).shown({ version: 13 }, {}, 1),
    ],
  ],
};

/** Others are shown the versions 11 and 12. */
function between(history: MadeHistory): MadeHistory {
  return history
    .asked(renew, held({ remainingMs: 29_960 }, { version: 11, liveLeases: 2 }))
    .asked(renew, held({ remainingMs: 29_960 }, { version: 12, liveLeases: 1 }));
}

describe.each(Object.entries(broken))("%s", (guarantee, cases) => {
  test.each(cases)("is broken where something %s", (text, change) => {
    const breaches = change(usual())
      .breaches()
      .filter((breach) => breach.startsWith(guarantee));
    expect(breaches).toContainEqual(expect.stringContaining(text));
  });
});

describe("nothing is broken", () => {
  const fine: readonly (readonly [string, Tell])[] = [
    ["by what is usual", (h) => h],
    ["by a renewal", (h) => h.asked(renew, held())],
    ["by ends that go on reporting", (h) => well(h)],
    [
      "by a replacement",
      (h) =>
        well(h.shown({ version: 11, negotiation }))
          .shown({
            version: 12,
            handshakeId: "h2",
            generation: 2,
            lingering: { handshakeId: "h1", honouredUntil: start + 16_000 },
          })
          .shown(
            { version: 13, handshakeId: "h2", generation: 2, change: "retired" },
            { afterMs: 5_000 },
          ),
    ],
    [
      "by a fast path of which nothing was heard in order",
      (h) =>
        overtaken(h).shown({
          version: 11,
          handshakeId: "h2",
          generation: 2,
          lingering: { handshakeId: "h1", honouredUntil: start + 16_000 },
        }),
    ],
    ["by states that were merged and counted", (h) => between(h).shown({ version: 13 }, {}, 2)],
    [
      "by a message that is late in trouble",
      (h) => h.closed().opened().trouble("stall", 5_000).shown({}),
    ],
    [
      "by a stream that ends while a message is on its way",
      (h) => h.closed().opened().closed({ afterMs: 20_000 }, true),
    ],
    [
      "by a slow reader",
      (h) => h.closed().opened({ isFast: false }).shown({}).closed({ afterMs: 20_000 }),
    ],
  ];
  test.each(fine)("%s", (_, change) => {
    expect(change(usual()).breaches({ up: ["h1", "h2"] })).toEqual([]);
  });
});
