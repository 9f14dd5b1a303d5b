import { readFileSync } from "node:fs";
import { join } from "node:path";

import { beforeAll, describe, expect, test } from "vitest";

import { spreads, tallies } from "../../src/observe/metrics/metric-tables.ts";
import { type ToldMetrics, tellStory } from "./story.ts";

let told: ToldMetrics;
let page: string;

beforeAll(async () => {
  told = await tellStory();
  page = told.after;
});

describe("The metrics of a service", () => {
  test.each([
    'lease_renewals_total{command="Renew",outcome="refresh",joined="false"} 4',
    'lease_renewals_total{command="Renew",outcome="renegotiate",joined="false"} 1',
    'lease_renewals_total{command="Renew",outcome="renegotiate",joined="true"} 1',
    'lease_refusals_total{command="Renew",reason="LEASE_NOT_LIVE"} 1',
    'lease_leases_ended_total{ended_by="released"} 1',
    'lease_session_events_total{event="LeaseExtended"} 6',
    'lease_handshakes_started_total{reason="renewed"} 1',
    'lease_renegotiations_total{reason="acquired",outcome="promoted"} 1',
    'lease_renegotiations_total{reason="renewed",outcome="joined"} 2',
    'lease_renegotiations_total{reason="renewed",outcome="abandoned"} 1',
    'lease_transport_health_changes_total{previous="stale",next="lost",reason="silent"} 1',
    'lease_without_fast_path_seconds_bucket{le="1",missing="first",ended_by="promoted"} 0',
    'lease_without_fast_path_seconds_bucket{le="1.5",missing="first",ended_by="promoted"} 1',
    'lease_without_fast_path_seconds_sum{missing="first",ended_by="promoted"} 1.2',
    'lease_without_fast_path_seconds_sum{missing="lost",ended_by="unheld"} 16',
    'lease_evidence_age_seconds_bucket{le="10",end="manager"} 1',
    'lease_evidence_age_seconds_count{end="manager"} 2',
    'lease_evidence_age_seconds_sum{end="host"} 40',
    'lease_call_duration_seconds_count{door="internal",method="Renew"} 4',
    'lease_call_duration_seconds_count{door="internal",method="KeepAlive"} 2',
    'lease_calls_total{door="internal",method="KeepAlive",code="OK"} 1',
    'lease_calls_total{door="internal",method="Renew",code="FailedPrecondition"} 1',
    'lease_calls_total{door="public",method="POST /sessions/:id/controller/lease",code="200"} 1',
    'lease_calls_total{door="ops",method="GET /healthz",code="200"} 1',
    'lease_watch_streams{door="internal",reader="manager"} 0',
    'lease_watch_streams_ended_total{door="internal",reader="manager",reason="left"} 1',
    "lease_watch_states_sent_total 1",
    "lease_watch_states_coalesced_total 0",
    'lease_clock_jumps_total{kind="stepped"} 1',
    "lease_outbox_queued 0",
    'lease_sessions{path="http_fallback"} 1',
    "lease_live_leases 1",
    "lease_store_parts_away 0",
    'lease_not_ready{part="keys"} 0',
    'lease_not_ready{part="drain"} 0',
  ])("say %s", (sample) => {
    expect(page.split("\n")).toContain(sample);
  });

  test.each([
    /^lease_deadline_lateness_seconds_count [1-9]/m,
    /^lease_store_duration_seconds_count\{operation="commit"\} [1-9]/m,
    /^lease_store_duration_seconds_count\{operation="load"\} [1-9]/m,
    /^lease_store_duration_seconds_count\{operation="due"\} [1-9]/m,
    /^lease_handshake_deliveries_total\{outcome="unavailable"\} [1-9]/m,
    /^lease_road_calls_total\{call="control",outcome="\w+"\} [1-9]/m,
    /^nodejs_eventloop_lag_p99_seconds \d/m,
  ])("say something like %s", (sample) => {
    expect(page).toMatch(sample);
  });

  test("say for how long a handshake waits until it is delivered", () => {
    expect(told.meanwhile).toContain("lease_outbox_queued 1\n");
    expect(told.meanwhile).toContain("lease_outbox_oldest_seconds 1.2\n");
  });

  test("have a unit, or are a number of things, in their names", () => {
    const names = [...namesIn(page)].filter(([, type]) => type !== "gauge").map(([name]) => name);
    expect(names.filter((name) => !/_(total|seconds|bytes)$/.test(name))).toEqual([]);
  });

  test("are those of the table on the page about them, with the same words", () => {
    const readme = readFileSync(join(import.meta.dirname, "../../src/observe/README.md"), "utf8");
    const rows = [...readme.matchAll(/^\| `(lease_\w+)` \| (\w+) \| ([^|]*) \| ([^|]+) \|$/gm)];
    const shown = rows.map(([, name, type, , meaning]) => [name, type, meaning]);
    const exported = [...namesIn(page)].map(([name, type]) => [name, type, helpOf(name)]);
    expect(shown).toEqual(exported);
    const labels = new Map(rows.map(([, name, , words = ""]) => [name, listed(words)]));
    for (const { name, labels: known } of Object.values({ ...tallies, ...spreads })) {
      expect([name, labels.get(name)]).toEqual([name, known]);
    }
    for (const [sample, name = "", words = ""] of page.matchAll(/^(lease_\w+)\{(.*)\} .+$/gm)) {
      const has = [...words.matchAll(/(\w+)="/g)].map(([, label]) => label);
      const metric = labels.has(name) ? name : name.replace(/_(bucket|sum|count)$/, "");
      expect(labels.get(metric), sample).toEqual(has.filter((label) => label !== "le"));
    }
  });
});

/** Our metrics with their types, in order of name. */
function namesIn(text: string): ReadonlyMap<string, string> {
  const types = [...text.matchAll(/^# TYPE (lease_\w+) (\w+)$/gm)];
  const sorted = types.map(([, name = "", type = ""]) => [name, type] as const).sort();
  return new Map(sorted);
}

function helpOf(name: string): string | undefined {
  return new RegExp(`^# HELP ${name} (.*)$`, "m").exec(page)?.[1];
}

function listed(words: string): readonly string[] {
  return words === "" ? [] : words.split(", ").map((word) => word.replaceAll("`", ""));
}
