import { describe, expect, test } from "vitest";

import type { CallFailure } from "../../../src/client/calls/call-failure.ts";
import { decideTile, nextLookMs } from "../../../src/client/tile/tile-decisions.ts";
import {
  type Grant,
  newTile,
  type TileCall,
  type TileInput,
  type TilePolicy,
} from "../../../src/client/tile/tile-memory.ts";
import type { TileLeaseState } from "../../../src/client/tile/tile-state.ts";

const policy: TilePolicy = {
  ttlMs: 30_000,
  hiddenTtlMs: 300_000,
  callTimeoutMs: 5_000,
  spreadMs: 1_000,
  backoff: { baseMs: 250, maxMs: 10_000, spread: 0 },
};

const granted: Grant = {
  leaseId: "lease-1",
  controllerToken: "token-1",
  epoch: 1n,
  expiresInMs: 30_000,
  renewAfterMs: 17_000,
  outcome: "refresh",
  joined: false,
  offer: undefined,
  path: undefined,
};

/** A tile whose calls are answered by hand, on a clock that moves by hand. */
class Tile {
  #now = { monotonicMs: 0, wallMs: 0 };
  #memory = newTile(false, this.#now);
  /** The calls that were begun, the last one last. */
  readonly calls: TileCall[] = [];

  constructor() {
    this.take({ kind: "look" });
  }

  get state(): TileLeaseState {
    return this.#memory.state;
  }

  get nextLookMs(): number | undefined {
    return nextLookMs(this.#memory, this.#now);
  }

  take(input: TileInput): void {
    const context = { policy, now: this.#now, random: () => 0.5 };
    const { memory, actions } = decideTile(this.#memory, input, context);
    this.#memory = memory;
    for (const action of actions) if (action.kind === "call") this.calls.push(action.call);
  }

  pass(durationMs: number): void {
    const { monotonicMs, wallMs } = this.#now;
    this.#now = { monotonicMs: monotonicMs + durationMs, wallMs: wallMs + durationMs };
    this.take({ kind: "look" });
  }

  /** Answers the last call, or another one. */
  grant(grant: Partial<Grant> = {}, callId = this.calls.at(-1)?.id ?? 0): void {
    this.take({ kind: "granted", callId, grant: { ...granted, ...grant } });
  }

  fail(reason: string, more: Partial<CallFailure> = {}): void {
    const callId = this.calls.at(-1)?.id ?? 0;
    this.take({ kind: "failed", callId, failure: { reason, message: "no", ...more } });
  }
}

describe("an answer", () => {
  test("counts from when its call was sent, whenever it arrives", () => {
    const tile = new Tile();
    tile.pass(4_000);
    tile.grant({ expiresInMs: 30_000, renewAfterMs: 17_000 });
    expect(tile.state).toMatchObject({
      kind: "held",
      lease: { expiresAt: { monotonicMs: 30_000 } },
    });
    expect(tile.nextLookMs).toBe(13_000);
  });

  test("to a call that was given up is dropped, while the next one waits for its own", () => {
    const tile = new Tile();
    tile.pass(policy.callTimeoutMs);
    tile.pass(1_000);
    expect(tile.calls).toHaveLength(2);
    tile.grant({ leaseId: "late" }, tile.calls[0]?.id);
    expect(tile.state.kind).toBe("acquiring");
    tile.grant({ leaseId: "in time" });
    expect(tile.state).toMatchObject({ kind: "held", lease: { leaseId: "in time" } });
  });

  test("that wants the next renewal at once is followed by a pause all the same", () => {
    const tile = new Tile();
    tile.grant({ renewAfterMs: 0 });
    expect(tile.nextLookMs).toBe(1_000);
  });

  test("to a call that was made before the page was hidden is followed by one for longer", () => {
    const tile = new Tile();
    tile.take({ kind: "visibility", isHidden: true });
    tile.grant();
    tile.take({ kind: "look" });
    expect(tile.calls.map(({ ttlMs }) => ttlMs)).toEqual([policy.ttlMs, policy.hiddenTtlMs]);
  });
});

describe("a failure", () => {
  test("that says when to try again is waited out, however short the back-off would be", () => {
    const tile = new Tile();
    tile.fail("TOO_MANY", { retryAfterMs: 60_000 });
    expect(tile.nextLookMs).toBe(60_000);
  });

  test("is not followed by a further try when the lease runs out during the back-off", () => {
    const tile = new Tile();
    tile.grant();
    tile.pass(29_900);
    expect(tile.calls).toHaveLength(2);
    tile.fail("Unavailable");
    tile.pass(100);
    expect(tile.state).toMatchObject({ kind: "lost", endedBy: "expired", isReacquiring: true });
    expect(tile.calls).toHaveLength(2);
    tile.pass(150);
    expect(tile.calls).toHaveLength(3);
  });

  test("of a renewal whose session is not known any more ends the lease, and it is acquired anew", () => {
    const tile = new Tile();
    tile.grant();
    tile.pass(17_000);
    tile.fail("SESSION_UNKNOWN");
    expect(tile.state).toMatchObject({ kind: "lost", endedBy: "unknown", isReacquiring: true });
    expect(tile.calls.at(-1)?.controllerToken).toBeUndefined();
  });

  test("of an acquire after an expiry says that the lease was revoked, where that came between", () => {
    const tile = new Tile();
    tile.grant();
    tile.pass(17_000);
    tile.fail("LEASE_NOT_LIVE", { endedBy: "expired" });
    tile.fail("REVOKED");
    expect(tile.state).toMatchObject({ kind: "lost", endedBy: "revoked", isReacquiring: false });
    expect(tile.nextLookMs).toBeUndefined();
  });
});
