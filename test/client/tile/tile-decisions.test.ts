import fc from "fast-check";
import { expect, test } from "vitest";

import type { CallFailure } from "../../../src/client/calls/call-failure.ts";
import type { Moment } from "../../../src/client/calls/clock.ts";
import { decideTile, nextLookMs } from "../../../src/client/tile/tile-decisions.ts";
import {
  leaseInUse,
  newTile,
  type TileAction,
  type TileInput,
  type TileMemory,
  type TilePolicy,
} from "../../../src/client/tile/tile-memory.ts";

// Whatever happens, in whatever order: what has to hold after each step.

const policy: TilePolicy = {
  ttlMs: 30_000,
  hiddenTtlMs: 300_000,
  callTimeoutMs: 5_000,
  spreadMs: 1_000,
  backoff: { baseMs: 250, maxMs: 10_000, spread: 0.3 },
};

const reasons = ["LEASE_NOT_LIVE", "SESSION_UNKNOWN", "REVOKED", "PASSCODE_WRONG", "Unavailable"];
const endings = ["expired", "released", "revoked", "detached", "unknown"] as const;

const failure: fc.Arbitrary<CallFailure> = fc.record({
  reason: fc.constantFrom(...reasons),
  message: fc.constant("no"),
  endedBy: fc.constantFrom(...endings),
  retryAfterMs: fc.integer({ min: 0, max: 60_000 }),
});

const path = fc.record({
  version: fc.bigInt({ min: 1n, max: 5n }),
  needsHandshake: fc.boolean(),
  willingInMs: fc.constantFrom(0, 3_000),
  liveLeases: fc.integer({ min: 0, max: 3 }),
});

const grant = fc.record({
  leaseId: fc.constantFrom("a", "b"),
  controllerToken: fc.constantFrom("token-a", "token-b"),
  epoch: fc.constant(1n),
  expiresInMs: fc.constantFrom(5_000, 30_000, 300_000),
  renewAfterMs: fc.constantFrom(0, 3_000, 17_000),
  outcome: fc.constantFrom("refresh" as const, "renegotiate" as const),
  joined: fc.boolean(),
  offer: fc.constant(undefined),
  path: fc.option(path, { nil: undefined }),
});

/** Answers are to the call under way, or to an earlier one. */
interface Happening {
  readonly input: TileInput;
  readonly isLate: boolean;
  readonly passMs: number;
  readonly wallMs: number;
}

const callId = fc.constant(0);
const input: fc.Arbitrary<TileInput> = fc.oneof(
  fc.record({ kind: fc.constantFrom("look", "awake", "gone", "release", "leave", "return") }),
  fc.record({ kind: fc.constant("visibility" as const), isHidden: fc.boolean() }),
  fc.record({ kind: fc.constant("seen" as const), path }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("granted" as const), callId, grant }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("failed" as const), callId, failure }) },
) as fc.Arbitrary<TileInput>;

const happenings: fc.Arbitrary<Happening[]> = fc.array(
  fc.record({
    input,
    isLate: fc.boolean(),
    passMs: fc.constantFrom(0, 1, 400, 3_000, 20_000),
    wallMs: fc.constantFrom(0, 0, 0, 600_000, -600_000),
  }),
  { maxLength: 40 },
);

interface Step {
  readonly before: TileMemory;
  readonly memory: TileMemory;
  readonly actions: readonly TileAction[];
  readonly now: Moment;
}

function live(through: readonly Happening[]): readonly Step[] {
  let now: Moment = { monotonicMs: 0, wallMs: 0 };
  let memory = newTile(false, now);
  return through.map(({ input: given, isLate, passMs, wallMs }) => {
    now = { monotonicMs: now.monotonicMs + passMs, wallMs: now.wallMs + passMs + wallMs };
    const answered =
      "callId" in given ? { ...given, callId: (memory.call?.id ?? 0) - (isLate ? 1 : 0) } : given;
    const before = memory;
    const step = decideTile(before, answered, { policy, now, random: () => 0.5 });
    memory = step.memory;
    return { before, ...step, now };
  });
}

function always(holds: (step: Step) => void): void {
  fc.assert(
    fc.property(happenings, (through) => {
      const steps = live(through);
      for (const step of steps) holds(step);
    }),
    { numRuns: 500 },
  );
}

const isOver = ({ state }: TileMemory): boolean =>
  ["refused", "released"].includes(state.kind) || (state.kind === "lost" && !state.isReacquiring);

test("a lease that has run out by either clock is never shown as held", () => {
  always(({ memory, now }) => {
    const { expiresAt } = leaseInUse(memory.state) ?? {};
    if (expiresAt === undefined) return;
    expect(expiresAt.monotonicMs).toBeGreaterThan(now.monotonicMs);
    expect(expiresAt.wallMs).toBeGreaterThan(now.wallMs);
  });
});

test("a tile that wants a lease never sleeps for ever, and a tile that wants none never calls", () => {
  always(({ memory, actions, now }) => {
    const lookMs = nextLookMs(memory, now);
    if (isOver(memory)) expect(actions.filter(({ kind }) => kind === "call")).toEqual([]);
    else expect(lookMs).toBeLessThanOrEqual(300_000);
  });
});

test("there is one call at a time", () => {
  always(({ before, memory, actions }) => {
    const begun = actions.filter(({ kind }) => kind === "call");
    expect(begun.length).toBeLessThanOrEqual(1);
    if (begun.length === 1 && before.call !== undefined) {
      expect(memory.call?.id).not.toBe(before.call.id);
    }
  });
});

test("nothing is acquired after a revocation that was shown", () => {
  always(({ before, memory }) => {
    if (before.state.kind !== "lost" || before.state.endedBy !== "revoked") return;
    expect(memory.call).toBeUndefined();
  });
});

test("a token that was given out is released when its tile is", () => {
  always(({ before, memory, actions }) => {
    if (before.state.kind === "released" || memory.state.kind !== "released") return;
    const released = actions.filter(({ kind }) => kind === "release");
    expect(released).toEqual(
      before.lease === undefined
        ? []
        : [{ kind: "release", controllerToken: before.lease.controllerToken }],
    );
  });
});
