import { describe, expect, test } from "vitest";

import type { Command } from "../../src/core/command.ts";
import type { Decision } from "../../src/core/decision.ts";
import type { End } from "../../src/core/session.ts";
import type { TransportPath } from "../../src/core/view.ts";
import { createLogger } from "../../src/observe/log/logger.ts";
import { createMetrics } from "../../src/observe/metrics/metrics.ts";
import { observeEvents } from "../../src/observe/observe-events.ts";
import type { ServiceObserver } from "../../src/service/service-events.ts";
import { type Step, World } from "../core/given.ts";
import {
  acquired,
  actionsOnly,
  attached,
  closed,
  detached,
  disconnected,
  host,
  later,
  manager,
  noConnection,
  onFastPath,
  ready,
  renegotiated,
  renewed,
  together,
  unacked,
  wait,
  without,
} from "../core/steps.ts";

/** What happens, why, and what the line about it says. */
interface Transition {
  readonly msg: string;
  readonly cause: string;
  readonly so: Step;
  readonly last: Step;
  /** The handshake that it is about, and the ends that have spoken of that. */
  readonly of: number | string;
  readonly ends: readonly End[];
  /** Before and after. */
  readonly from: Stand;
  readonly to: Stand | undefined;
}

/** Path, the promotion whose generation is shown, and health and handshake of the promoted transport. */
type Stand = readonly [TransportPath, number, string?, (number | string)?];

const pending: Stand = ["pending", 0];
const fallback: Stand = ["http_fallback", 0];
const healthy: Stand = ["fast_path", 1, "healthy", 1];
const degraded: Stand = ["fast_path", 1, "degraded", 1];
const stale: Stand = ["fast_path", 1, "stale", 1];
const lost: Stand = ["http_fallback", 1, "lost", 1];
const second: Stand = ["fast_path", 2, "healthy", 2];
const adopted: Stand = ["fast_path", 1, "healthy", "from elsewhere"];

const both: readonly End[] = ["manager", "host"];
const managers: readonly End[] = ["manager"];
const nobodys: readonly End[] = [];

const renegotiating = renegotiated({ reason: "operator" });
const negotiating = together(attached(), acquired("tile", { ttlMs: 300_000 }));
const replacing = together(onFastPath(), renegotiating);
const bothReady = (of: number): Step => together(manager(ready, { of }), host(ready, { of }));
const replaced = together(replacing, bothReady(2));

const starts = about("handshake started", { of: 2, ends: nobodys, from: healthy, to: healthy }, [
  { cause: "acquired", so: attached(), last: acquired("tile"), of: 1, from: pending, to: pending },
  {
    cause: "renewed",
    so: together(onFastPath(), manager(closed)),
    last: renewed("tile"),
    from: lost,
    to: lost,
  },
  { cause: "operator", so: onFastPath(), last: renegotiating },
]);

const promotions = about(
  "handshake promoted",
  { of: 1, ends: managers, from: pending, to: healthy },
  [
    { cause: "confirmed", so: negotiating, last: manager(ready) },
    {
      cause: "confirmed",
      so: together(replacing, manager(ready, { of: 2 })),
      last: host(ready, { of: 2 }),
      of: 2,
      ends: both,
      from: healthy,
      to: second,
    },
    {
      cause: "host_silent",
      so: together(attached({ hostReports: true }), acquired("tile"), wait(14_000), manager(ready)),
      last: later(1_000),
    },
    {
      cause: "adopted",
      so: attached(),
      last: manager(ready, { of: "from elsewhere" }),
      of: "from elsewhere",
      to: adopted,
    },
  ],
);

const abandonments = about(
  "handshake abandoned",
  { of: 1, ends: nobodys, from: pending, to: fallback },
  [
    { cause: "confirm_timeout", so: negotiating, last: later(15_000) },
    {
      cause: "ends_disagree",
      so: together(
        replacing,
        wait(14_000),
        manager(ready, { of: 2 }),
        host(disconnected, { of: 2 }),
        bothReady(1),
      ),
      last: later(1_000),
      of: 2,
      ends: both,
      from: healthy,
      to: healthy,
    },
  ],
);

const missed = together(later(15_000), renegotiating);

const retirements = about(
  "handshake retired",
  { of: 1, ends: nobodys, from: fallback, to: fallback },
  [
    // Nothing is kept of what was said of a lingering one.
    { cause: "linger_over", so: replaced, last: later(5_000), from: second, to: second },
    {
      cause: "abandonment_over",
      so: together(negotiating, later(15_000), manager(disconnected)),
      last: later(60_000),
      ends: managers,
    },
    {
      cause: "crowded_out",
      so: together(negotiating, missed, missed),
      last: later(15_000),
    },
    {
      cause: "outrun",
      so: together(negotiating, manager(disconnected)),
      last: manager(ready, { of: "from elsewhere" }),
      ends: managers,
      from: pending,
      to: adopted,
    },
  ],
);

const silences: readonly Partial<Transition>[] = [
  {
    cause: "host_silent",
    so: together(onFastPath(), wait(9_000), manager(ready)),
    last: later(1_000),
    to: stale,
  },
  {
    cause: "manager_silent",
    so: together(onFastPath(), wait(9_000), host(ready)),
    last: later(1_000),
    to: stale,
  },
  { cause: "silent", last: later(10_000), to: stale },
  {
    cause: "silent",
    so: together(onFastPath(), later(10_000)),
    last: later(20_000),
    from: stale,
    to: lost,
  },
];

const changes = about("transport health changed", { of: 1, ends: both, from: healthy, to: lost }, [
  { cause: "connection_closed", last: manager(closed) },
  { cause: "channel_closed", last: host(without("mgr-actions")) },
  { cause: "end_restarted", last: manager(noConnection) },
  { cause: "acks_stalled", last: manager(unacked(15_001)) },
  { cause: "acks_slow", last: manager(unacked(5_001)), to: degraded },
  { cause: "ice_disconnected", last: host(disconnected), to: degraded },
  { cause: "channel_missing", last: manager(actionsOnly), to: degraded },
  ...silences,
  {
    cause: "recovered",
    so: together(onFastPath(), host(disconnected), host(ready), wait(3_000)),
    last: host(ready),
    from: degraded,
    to: healthy,
  },
  {
    // What is lost may be outrun in the same breath: the line is about the lost one all the same.
    cause: "connection_closed",
    so: together(onFastPath(), manager(ready, { of: "from elsewhere" })),
    last: manager(closed, { of: 1 }),
    to: ["fast_path", 2, "healthy", "from elsewhere"],
  },
]);

const detachments = about("session detached", { of: 1, ends: both, from: healthy, to: undefined }, [
  { cause: "over", last: detached("over") },
]);

const transitions: readonly Transition[] = [
  ...starts,
  ...promotions,
  ...abandonments,
  ...retirements,
  ...changes,
  ...detachments,
];

/** Counters by reason, and the lines that they count. */
const counters: readonly [metric: string, msg: string][] = [
  ["lease_handshakes_started_total", "handshake started"],
  ["lease_handshakes_promoted_total", "handshake promoted"],
  ["lease_handshakes_abandoned_total", "handshake abandoned"],
  ["lease_handshakes_retired_total", "handshake retired"],
  ["lease_transport_health_changes_total", "transport health changed"],
];

describe("a transition is logged once, with the states before and after, the cause, and the ends", () => {
  test.each(transitions)("$msg: $cause", ({ msg, cause, so, last, of, ends, from, to }) => {
    const observer = observing();
    const world = worldSeenBy(observer);
    so(world);
    const before = observer.lines.length;
    last(world);
    const lines = observer.lines.slice(before);
    expect(lines).toHaveLength(world.last.decision.events.length);
    const received = lines.filter((line) => line.msg === msg && line.cause === cause);
    expect(received).toHaveLength(1);
    const [line] = received;
    expect(line?.previous).toMatchObject(shown(world, from));
    if (to === undefined) expect(line).not.toHaveProperty("next");
    else expect(line?.next).toMatchObject(shown(world, to));
    for (const end of both) {
      const spoken = ends.includes(end)
        ? `${end} connection for ${world.handshake(of)}`
        : undefined;
      expect(line?.[`${end}_transport`]).toBe(spoken);
    }
  });

  test("also between whom it was before", () => {
    const observer = observing();
    const world = worldSeenBy(observer);
    replaced(world);
    expect(observer.lines.findLast(({ msg }) => msg === "handshake promoted")).toMatchObject({
      previous: {
        handshake: world.handshake(1),
        manager_transport: `manager connection for ${world.handshake(1)}`,
        host_transport: `host connection for ${world.handshake(1)}`,
      },
      next: {
        handshake: world.handshake(2),
        manager_transport: `manager connection for ${world.handshake(2)}`,
        host_transport: `host connection for ${world.handshake(2)}`,
      },
    });
  });
});

test.each(counters)("%s counts what is logged, by its reason", async (metric, msg) => {
  const observer = observing();
  const counted = transitions.filter((transition) => transition.msg === msg);
  for (const { so, last } of counted) together(so, last)(worldSeenBy(observer));
  const causes = observer.lines.filter((line) => line.msg === msg).map(({ cause }) => cause);
  expect(new Set(causes)).toEqual(new Set(counted.map(({ cause }) => cause)));
  const counts = await observer.countsByReason(metric);
  expect(counts).toEqual(
    new Map([...new Set(causes)].map((cause) => [cause, count(causes, cause)])),
  );
});

/** Transitions that have in common what they do not say themselves. */
function about(
  msg: string,
  usual: Pick<Transition, "of" | "ends" | "from" | "to">,
  rows: readonly Partial<Transition>[],
): readonly Transition[] {
  const rest = { msg, cause: "", so: onFastPath(), last: wait(0) };
  return rows.map((row) => ({ ...rest, ...usual, ...row }));
}

interface Observer {
  readonly observe: ServiceObserver;
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  countsByReason(metric: string): Promise<ReadonlyMap<unknown, number>>;
}

function observing(): Observer {
  const lines: Record<string, unknown>[] = [];
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const metrics = createMetrics();
  return {
    observe: observeEvents(createLogger("trace", { kind: "stream", stream }), metrics),
    lines,
    async countsByReason(name) {
      const { values = [] } = (await metrics.registry.getSingleMetric(name)?.get()) ?? {};
      const counts = new Map<unknown, number>();
      for (const { labels, value } of values) {
        const { reason } = labels;
        counts.set(reason, (counts.get(reason) ?? 0) + value);
      }
      return counts;
    },
  };
}

/** A world whose decisions are published as the service publishes them once they are on disk. */
function worldSeenBy({ observe }: Observer): World {
  return new (class extends World {
    override run<C extends Command>(command: C): Decision<C> {
      const previous = this.record;
      const decision = super.run(command);
      const { session: next, events } = decision;
      for (const event of events) {
        observe({ kind: "happened", sessionId: this.id, event, previous, next });
      }
      return decision;
    }
  })();
}

/** As a log line shows it. */
function shown(world: World, [path, generation, health, which]: Stand): Record<string, unknown> {
  const promoted = which === undefined ? {} : { health, handshake: world.handshake(which) };
  return { path, generation: world.generation(generation), ...promoted };
}

function count(all: readonly unknown[], one: unknown): number {
  return all.filter((other) => other === one).length;
}
