import type { Mutation } from "./mutation.ts";
import { shortRoadMutations } from "./short-road-mutations.ts";

export const mutations: readonly Mutation[] = [
  {
    name: "a replaced handshake does not linger",
    caughtBy: ["Overlapped"],
    edits: [
      {
        file: "transport/evolve-transport.ts",
        find: "lingering: before && { id: before.id, honouredUntil: lingerUntil },",
        put: "lingering: undefined,",
      },
    ],
  },
  {
    name: "one end's word confirms a handshake",
    caughtBy: ["Overlapped"],
    edits: [
      {
        file: "transport/promotion.ts",
        find: "(!hostHasSay(transport, at, draft.context.policy) ||",
        put: "(true ||",
      },
    ],
  },
  {
    name: "stale evidence confirms a handshake",
    caughtBy: ["Overlapped"],
    edits: [
      {
        file: "transport/evidence.ts",
        find: "return fresh && !hasNoConnection(evidence, at, policy);",
        put: "return (fresh || true) && !hasNoConnection(evidence, at, policy);",
      },
    ],
  },
  {
    name: "a replacement may have fewer channels",
    caughtBy: ["Overlapped"],
    edits: [
      {
        file: "transport/promotion.ts",
        find: "return inUse === undefined ? channels : [...channels, ...inUse.readyChannels];",
        put: "return inUse === undefined || inUse ? channels : [];",
      },
    ],
  },
  {
    name: "the manager's word alone replaces a usable transport",
    caughtBy: ["Overlapped"],
    edits: [
      {
        file: "transport/promotion.ts",
        find: "  if (usable !== undefined) {\n    if (next",
        put: "  if (usable !== undefined && (next === undefined || next.confirmBy > at)) {\n    if (next",
      },
      {
        file: "transport/promotion.ts",
        find: "    !contradicts(draft, candidate, at) &&\n",
        put: "",
      },
    ],
  },
  {
    name: "an abandoned handshake is dropped",
    caughtBy: ["Honoured"],
    edits: [
      {
        file: "transport/evolve-transport.ts",
        find: "abandoned: [...transport.abandoned, abandoned],",
        put: "abandoned: [...transport.abandoned, abandoned].slice(0, 0),",
      },
    ],
  },
  {
    name: "a lingering handshake is forgotten by the deadlines",
    caughtBy: ["Timely", "Honoured"],
    edits: [{ file: "deadlines/deadline.ts", find: "    lingering?.honouredUntil,\n", put: "" }],
  },
  {
    name: "an expired lease lives on",
    caughtBy: ["Held"],
    edits: [{ file: "deadlines/deadline.ts", find: "    nextExpiry(record),\n", put: "" }],
  },
  {
    name: "a lease that ended is revived",
    caughtBy: ["Held"],
    edits: [
      {
        file: "lease/evolve-leases.ts",
        find: "live: book.live.filter((candidate) => candidate !== lease),",
        put: "live: book.live,",
      },
    ],
  },
  {
    name: "a renewal shortens an expiry",
    caughtBy: ["Held"],
    edits: [
      {
        file: "lease/decide-lease.ts",
        find: "Math.max(lease.expiresAt, now + ttlMs)",
        put: "now + ttlMs",
      },
    ],
  },
  {
    name: "a hold is not heeded",
    caughtBy: ["Stopped"],
    edits: [
      { file: "lease/decide-lease.ts", find: "if (heldUntil > now)", put: "if (heldUntil < now)" },
    ],
  },
  {
    name: "a second negotiation is started",
    caughtBy: ["Single"],
    edits: [
      {
        file: "transport/negotiation.ts",
        find: "if (inFlight !== undefined) return",
        put: "if (inFlight !== undefined && inFlight.issuedAt === now) return",
      },
      {
        file: "transport/evolve-transport.ts",
        find: 'throw new Error("a second handshake was started");',
        put: 'return { kind: "negotiating", next };',
      },
    ],
  },
  {
    name: "a renewal disturbs a usable transport",
    caughtBy: ["Undisturbed"],
    edits: [
      {
        file: "transport/negotiation.ts",
        find: "if (usableOf(transport.path) !== undefined) return leftAlone;",
        put: "",
      },
    ],
  },
  {
    name: "a back-off is ignored",
    caughtBy: ["Genuine"],
    edits: [
      {
        file: "view.ts",
        find: "return backoff.notBefore > now ? backoff.notBefore : undefined;",
        put: "return backoff.notBefore < now ? backoff.notBefore : undefined;",
      },
    ],
  },
  {
    name: "a dead transport is only refreshed",
    caughtBy: ["Genuine"],
    edits: [
      {
        file: "view.ts",
        find: 'current === undefined || current.health === "lost"',
        put: "current === undefined",
      },
    ],
  },
  {
    name: "a generation is used twice",
    caughtBy: ["Fenced"],
    edits: [
      { file: "fence.ts", find: "Math.max(used + 1, Math.floor(now))", put: "Math.max(used, now)" },
    ],
  },
  {
    name: "an epoch is used twice",
    caughtBy: ["Fenced"],
    edits: [
      {
        file: "lease/decide-lease.ts",
        find: "nextFence(book.epoch, now)",
        put: "book.epoch || now",
      },
    ],
  },
  {
    name: "a session that was forgotten begins with generation 1",
    caughtBy: ["Fenced"],
    edits: [
      { file: "fence.ts", find: "Math.max(used + 1, Math.floor(now))", put: "used + 1" },
      { file: "evolve.ts", find: "{ epoch: 0, version: at,", put: "{ epoch: at, version: at," },
    ],
  },
  {
    name: "an adopted handshake is served below the generation that its end knows",
    caughtBy: ["Fenced"],
    edits: [
      {
        file: "transport/decide-report.ts",
        find: "  raiseGeneration(draft, handshakeId, named);\n",
        put: "",
      },
    ],
  },
  {
    name: "a session comes back from its tombstone with generation 0",
    caughtBy: ["Fenced"],
    edits: [
      {
        file: "transport/evolve-transport.ts",
        find: "generation: before?.generation ?? 0,",
        put: "generation: 0,",
      },
    ],
  },
  {
    name: "an id from the end of time is adopted",
    caughtBy: ["Fenced"],
    edits: [
      {
        file: "transport/decide-report.ts",
        find: 'if (standing === "unknown" && !mayBeAdopted(handshakeId, at)) return undefined;',
        put: "",
      },
    ],
  },
  {
    name: "a generation of a lost incarnation is used again",
    caughtBy: ["Fenced"],
    edits: [
      {
        file: "transport/promotion.ts",
        find: "nextFence(Math.max(generation, generationFloor), ",
        put: "nextFence(generation, ",
      },
    ],
  },
  {
    name: "a session that comes back forgets how far a lost incarnation may have come",
    caughtBy: ["Fenced"],
    edits: [
      {
        file: "evolve.ts",
        find: "    generationFloor,",
        put: "    generationFloor: 0,",
      },
    ],
  },
  {
    name: "an epoch of a lost incarnation is used again",
    caughtBy: ["Fenced"],
    edits: [{ file: "evolve.ts", find: "epoch: fence(leases.epoch), ", put: "" }],
  },
  {
    name: "an unknown handshake is called retired",
    caughtBy: ["Fenced"],
    edits: [
      {
        file: "transport/standing.ts",
        find: "return minted >= session.knownSince && youngest !== undefined && id <= youngest;",
        put: "return youngest === undefined || id <= youngest;",
      },
    ],
  },
  {
    name: "a claim to hold no connection counts at once",
    caughtBy: ["Truthful"],
    edits: [
      {
        file: "transport/evidence.ts",
        find: "Math.max(from, ready.at + policy.noConnectionMs)",
        put: "Math.max(from, ready.at)",
      },
    ],
  },
  {
    name: "a lost transport recovers on a moment of good evidence",
    caughtBy: ["Truthful"],
    edits: [
      {
        file: "transport/health.ts",
        find: "- current.goodSince >= policy.recoveryMs;",
        put: "- current.goodSince >= 0;",
      },
    ],
  },
  {
    name: "a closed connection is not believed",
    caughtBy: ["Truthful"],
    edits: [
      {
        file: "transport/health.ts",
        find: 'end.connection === "failed" || end.connection === "closed"',
        put: 'end.connection === "failed"',
      },
      {
        file: "transport/health.ts",
        find: "if (hasClosed(end, current.channels))",
        put: "if (false)",
      },
    ],
  },
  {
    name: "a gap lets a lease expire",
    caughtBy: ["Durable"],
    edits: [
      {
        file: "deadlines/decide-time.ts",
        find: ".filter((lease) => lease.expiresAt > gap.from)",
        put: ".filter((lease) => lease.expiresAt > gap.until)",
      },
    ],
  },
  {
    name: "a gap abandons a negotiation",
    caughtBy: ["Durable"],
    edits: [
      {
        file: "transport/evolve-transport.ts",
        find: "const confirmBy = next.confirmBy + length;",
        put: "const { confirmBy } = next;",
      },
    ],
  },
  {
    name: "evidence ages while nobody can hear",
    caughtBy: ["Durable"],
    edits: [
      {
        file: "transport/evidence.ts",
        find: "gapMs: afterGap(agesFrom(evidence), gap) - evidence.observedAt,",
        put: "gapMs: evidence.gapMs,",
      },
    ],
  },
  {
    name: "a gap makes stale evidence fresh",
    caughtBy: ["Durable"],
    edits: [
      {
        file: "transport/evidence.ts",
        find: "gapMs: afterGap(agesFrom(evidence), gap) - evidence.observedAt,",
        put: "gapMs: gap.until - evidence.observedAt,",
      },
    ],
  },
  {
    name: "the end of a linger is not shown as a new version",
    caughtBy: ["Current"],
    edits: [
      { file: "evolve.ts", find: 'return event.reason === "linger_over";', put: "return false;" },
    ],
  },
  {
    name: "the end of a lease does not show in the lease version",
    caughtBy: ["Ordered"],
    edits: [
      {
        file: "lease/evolve-leases.ts",
        find: "version: book.version + 1,\n        live: book.live.filter((candidate) => candidate !== lease),",
        put: "live: book.live.filter((candidate) => candidate !== lease),",
      },
    ],
  },
  {
    name: "a change of the record is told in no event",
    caughtBy: ["Folded"],
    edits: [
      {
        file: "draft.ts",
        find: "draft.events.push(event);",
        put: 'if (event.kind !== "DiedEarly") draft.events.push(event);',
      },
    ],
  },
  ...shortRoadMutations,
  {
    name: "abandoned handshakes crowd nobody out",
    caughtBy: ["Invariants"],
    edits: [
      {
        file: "deadlines/decide-time.ts",
        find: "abandoned.slice(0, -policy.abandonedMax)",
        put: "abandoned.slice(0, 0)",
      },
    ],
  },
];
