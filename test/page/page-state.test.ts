import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";

import { TransportChange } from "../../src/gen/beach/controller/v1/transport_pb.js";
import {
  openPage,
  type PageEvent,
  type PageState,
  reduce,
} from "../../src/page/model/page-state.ts";
import { countFor, everything, select } from "../../src/page/model/selection.ts";
import { dead, stateOf, summaryOf, usable } from "./states.ts";

const openedMs = 1_000_000;
/** The service's clock is a minute ahead of the page's. */
const aheadMs = 60_000;

/** The page after each event, one second apart. */
function pageAfter(...events: readonly PageEvent[]): PageState {
  let state = openPage(openedMs);
  for (const [index, event] of events.entries()) {
    state = reduce(state, [{ event, nowMs: openedMs + index * 1000 }]);
  }
  return state;
}

const shown = (state: Parameters<typeof summaryOf>[0]): PageEvent => ({ kind: "state", state });
const listed = (leases: Readonly<Record<string, number>>, second: number): PageEvent => ({
  kind: "listed",
  sessions: [summaryOf(stateOf("s"), leases, openedMs + aheadMs + second * 1000)],
});

describe("The page", () => {
  it("says that it was disconnected, and since when nothing was seen", () => {
    const { connection, unseen } = pageAfter(
      { kind: "connected" },
      { kind: "disconnected" },
      { kind: "disconnected" },
      { kind: "connected" },
    );
    expect(connection).toBe("live");
    expect(unseen).toEqual([
      { fromMs: 0, untilMs: openedMs },
      { fromMs: openedMs + 1000, untilMs: openedMs + 3000 },
    ]);
    expect(pageAfter({ kind: "connected" }, { kind: "disconnected" })).toMatchObject({
      connection: "lost",
      connectionSinceMs: openedMs + 1000,
    });
  });

  it("is connecting, and not disconnected, until it was live once", () => {
    expect(pageAfter({ kind: "disconnected" }).connection).toBe("connecting");
  });

  it("counts a renewal for each expiry that moved, and none for an answer that repeats it", () => {
    const state = pageAfter(
      { kind: "connected" },
      shown(stateOf("s")),
      listed({ one: 30_000, two: 30_000 }, 2),
      listed({ one: 29_000, two: 29_050 }, 3),
      listed({ one: 30_000, two: 28_050 }, 4),
      listed({ two: 30_000, three: 30_000 }, 5),
    );
    const record = state.sessions.get("s");
    expect(record?.renewals).toBe(2);
    expect(record?.leases?.map(({ leaseId, renewals }) => [leaseId, renewals])).toEqual([
      ["two", 1],
      ["three", 0],
    ]);
    expect(record?.timeline.marks.map(({ kind }) => kind)).toEqual([
      "renewed",
      "renewed",
      "granted",
      "ended",
    ]);
  });

  it("counts no renewal for the grace that leases are given behind a gap", () => {
    const state = pageAfter(
      { kind: "connected" },
      shown(stateOf("s")),
      listed({ one: 30_000 }, 2),
      { kind: "disconnected" },
      { kind: "connected" },
      listed({ one: 30_000 }, 5),
      listed({ one: 30_000 }, 6),
    );
    expect(state.sessions.get("s")?.renewals).toBe(1);
  });

  it("counts down by its own clock, however the service's is set", () => {
    const state = pageAfter(shown(stateOf("s")), listed({ one: 30_000 }, 1));
    expect(state.skewMs).toBe(aheadMs);
    expect(state.sessions.get("s")?.leases?.[0]).toMatchObject({
      expiresAtMs: openedMs + 1000 + 30_000,
      fullMs: 30_000,
    });
  });

  it("learns from a negotiation how far the service's clock is ahead", () => {
    const confirmBy = timestampFromMs(openedMs + aheadMs + 15_000);
    const confirmIn = durationFromMs(15_000);
    const negotiation = { handshakeId: "a", confirmBy, confirmIn };
    expect(pageAfter(shown(stateOf("s", { negotiation }))).skewMs).toBe(aheadMs);
  });

  it("takes ages from a list, and changes from the watch alone", () => {
    const first = usable("s", "a");
    const other = dead("s", "a");
    const state = pageAfter(
      shown(first),
      { kind: "listed", sessions: [summaryOf(other, {}, openedMs)] },
      { kind: "listed", sessions: [summaryOf(first, {}, openedMs)] },
    );
    const record = state.sessions.get("s");
    expect(record?.transport).toBe(first);
    expect(record?.transportAtMs).toBe(openedMs + 2000);
    expect(record?.happenings).toEqual([]);
  });

  it("counts the handshakes that it saw begin", () => {
    const negotiation = { handshakeId: "b" };
    const state = pageAfter(
      shown(usable("s", "a", { negotiation: { handshakeId: "seen-at-first-sight" } })),
      shown(usable("s", "a")),
      shown(usable("s", "a", { negotiation })),
      shown(usable("s", "a", { negotiation, lastChange: TransportChange.LEASES_CHANGED })),
    );
    expect(state.sessions.get("s")?.handshakes).toBe(1);
  });

  it("keeps the reason of a path while leases come and go", () => {
    const change = { lastChange: TransportChange.LEASES_CHANGED, lastChangeReason: "granted" };
    const state = pageAfter(shown(dead("s", "a")), shown(dead("s", "a", change)));
    expect(state.sessions.get("s")?.because).toBe("connection_closed");
    expect(state.sessions.get("s")?.happenings.at(-1)?.reason).toBe("granted");
  });

  it("shows a session that is gone for a minute, and one that comes back as it is then", () => {
    const gone: PageEvent = { kind: "gone", sessionId: "s", reason: "left" };
    const state = pageAfter(shown(usable("s", "a")), gone);
    expect(state.sessions.get("s")?.gone?.reason).toBe("left");
    const back = reduce(state, [{ event: shown(stateOf("s")), nowMs: openedMs + 5000 }]);
    expect(back.sessions.get("s")?.gone).toBeUndefined();
    const later = { event: { kind: "connected" } as const, nowMs: openedMs + 62_000 };
    expect(reduce(state, [later]).sessions.size).toBe(0);
  });

  it("leaves a session as it is when a state arrives again", () => {
    const first = usable("s", "a");
    const state = pageAfter(shown(first));
    const again = reduce(state, [{ event: shown(first), nowMs: openedMs + 9000 }]);
    expect(again.sessions.get("s")).toBe(state.sessions.get("s"));
  });

  it("forgets the sessions of a beach that it leaves, and asks for nothing once it has chosen", () => {
    const question = { kind: "beach", beaches: [] } as const;
    const state = pageAfter(
      { kind: "connected" },
      shown(stateOf("s")),
      { kind: "beach_left" },
      { kind: "asked", question },
    );
    expect(state).toMatchObject({ connection: "connecting", question });
    expect(state.sessions.size).toBe(0);
    const chosen: PageEvent = { kind: "beach_chosen", privateBeachId: "beach-2" };
    const next = reduce(state, [{ event: chosen, nowMs: openedMs }]);
    expect(next).toMatchObject({ privateBeachId: "beach-2", question: undefined });
  });

  it("takes up a thousand states at once with one copy of the sessions", () => {
    const told = Array.from({ length: 1000 }, (_, index) => ({
      event: shown(stateOf(`s-${index}`)),
      nowMs: openedMs,
    }));
    const before = openPage(openedMs);
    const state = reduce(before, told);
    expect(state.sessions.size).toBe(1000);
    expect(before.sessions.size).toBe(0);
  });
});

describe("The selection", () => {
  const { sessions } = pageAfter(
    shown(usable("pong-10", "a")),
    shown(usable("pong-9", "a", { negotiation: { handshakeId: "b" } })),
    shown(dead("shell-1", "a")),
    shown(usable("shell-2", "a", { health: 2 })),
    shown(stateOf("shell-3")),
  );
  const ids = (changes: Partial<typeof everything>): readonly string[] =>
    select(sessions, { ...everything, ...changes }).map(({ sessionId }) => sessionId);

  it("is in the order of names as people count", () => {
    expect(ids({})).toEqual(["pong-9", "pong-10", "shell-1", "shell-2", "shell-3"]);
  });

  it("puts first what needs somebody", () => {
    expect(ids({ order: "concern" })).toEqual([
      "shell-1",
      "shell-2",
      "shell-3",
      "pong-9",
      "pong-10",
    ]);
  });

  it("finds by a part of a name, and by path or health", () => {
    expect(ids({ text: " SHELL" })).toEqual(["shell-1", "shell-2", "shell-3"]);
    expect(ids({ filter: "unsteady" })).toEqual(["shell-2"]);
    expect(ids({ filter: "http_fallback" })).toEqual(["shell-1"]);
    expect(countFor(sessions)).toEqual({
      all: 5,
      fast_path: 3,
      http_fallback: 1,
      pending: 1,
      unsteady: 1,
    });
  });
});
