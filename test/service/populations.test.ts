import { expect, it } from "vitest";

import type { SessionId } from "../../src/core/ids.ts";
import { nothingCounted } from "../../src/service/figures/fleet-counts.ts";
import { Populations } from "../../src/service/figures/populations.ts";
import { settle } from "../support/service/manual-clock.ts";
import {
  attach,
  type ServiceUnderTest,
  serviceUnderTest,
} from "../support/service/session-service.ts";

const elsewhere = { ...attach, beachId: "beach-2" };

it("a private beach attaches as many sessions as it may; another has its own number", async () => {
  await using under = await serviceUnderTest({ policy: { sessionsPerBeachMax: 2 } });
  expect(await outcomes(under, ["s1", "s2", "s3"])).toEqual([
    "accepted",
    "accepted",
    "beach_sessions",
  ]);
  expect((await under.service.execute("s4", elsewhere)).kind).toBe("accepted");
  await under.service.execute("s1", { kind: "Detach", reason: "over" });
  expect(await outcomes(under, ["s3", "s1"])).toEqual(["accepted", "beach_sessions"]);
  expect(await under.service.find("s4")).toMatchObject({ kind: "attached" });
});

it("all private beaches together attach as many as the service may have", async () => {
  await using under = await serviceUnderTest({ policy: { sessionsMax: 2 } });
  await under.service.execute("s1", elsewhere);
  expect(await outcomes(under, ["s2", "s3"])).toEqual(["accepted", "sessions"]);
});

it("a private beach attaches so many sessions within a minute, however soon they are detached", async () => {
  await using under = await serviceUnderTest({ policy: { attachesPerMinuteMax: 2 } });
  for (const id of ["s1", "s2"]) {
    await under.service.execute(id, attach);
    await under.service.execute(id, { kind: "Detach", reason: "over" });
  }
  expect(await outcomes(under, ["s3"])).toEqual(["attaches"]);
  await under.clock.advance(61_000);
  expect(await outcomes(under, ["s3"])).toEqual(["accepted"]);
});

it("of a shared store it is the last figure received, plus what was added since", async () => {
  let received = { ...nothingCounted, sessions: 7 };
  let asked = 0;
  const populations = new Populations({
    count: async () => {
      asked += 1;
      return received;
    },
  });
  expect(populations.of("beach-1", 0)).toMatchObject({ sessionsAtBeach: 0 });
  await settle();
  populations.noteAttached("beach-1", 1);
  expect(populations.of("beach-1", 1)).toMatchObject({ sessionsAtBeach: 8, sessions: 8 });
  expect(asked).toBe(2);
  received = { ...received, sessions: 20 };
  populations.of("beach-1", 1_000);
  await settle();
  expect(populations.of("beach-1", 1_001)).toMatchObject({ sessionsAtBeach: 20, sessions: 20 });
  expect(asked).toBe(4);
});

/** What attaching each of them comes to: accepted, or what there are too many of. */
async function outcomes(
  { service }: ServiceUnderTest,
  ids: readonly SessionId[],
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const id of ids) {
    const outcome = await service.execute(id, attach);
    const what = outcome.kind === "refused" && "what" in outcome.refusal && outcome.refusal.what;
    found.push(what || outcome.kind);
  }
  return found;
}
