import { describe, expect, test } from "vitest";

import type { ApiDependencies } from "../../src/api/call/dependencies.ts";
import { HandshakeKind } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { breakSession } from "../support/service/broken-session.ts";
import { type ServiceUnderTest, serviceUnderTest } from "../support/service/session-service.ts";
import { type DoorClients, dependenciesFor, inMemory } from "./api-under-test.ts";
import { ofPromotion, readyReport } from "./conformance/conformance-subject.ts";
import { takeUntil } from "./expect-refusal.ts";

type Failure = Parameters<ApiDependencies["onItemFailed"]>[0];

interface Case extends AsyncDisposable {
  readonly under: ServiceUnderTest;
  readonly clients: DoorClients;
  readonly failures: readonly Failure[];
  /** A lease on a session; on "bad" nothing but a plain renewal can be decided any more. */
  readonly leases: Readonly<Record<"good" | "bad", Held>>;
}

interface Held {
  readonly sessionId: string;
  readonly controllerToken: string;
  readonly handshakeId: string;
}

const failed = {
  sessionId: "bad",
  refusal: "INTERNAL",
  detail: expect.stringMatching(/^Cannot .+: internal error, .+ try again later$/),
};

describe("a bug that one item of a batch meets", () => {
  test("is the answer to that renewal alone, and KeepAlive goes on", async () => {
    await using given = await oneOfTwoBroken();
    const { good, bad } = given.leases;
    const longer = { ...bad, ttl: { seconds: 60n } };
    async function* batches() {
      yield { renewals: [longer, good] };
      yield { renewals: [good, longer, good] };
    }
    const stream = given.clients.lease.keepAlive(batches());
    const answers = await takeUntil(stream, (seen) => seen.length === 2);
    const kept = { sessionId: "good", refusal: "", handshakeKind: HandshakeKind.RENEGOTIATE };
    expect(answers).toMatchObject([{ results: [failed, kept] }, { results: [kept, failed, kept] }]);
    expect(given.failures).toMatchObject([{ sessionId: "bad" }, { sessionId: "bad" }]);
    expect(String(given.failures[0]?.error)).toContain("too many unrecognised");
    expect(
      JSON.stringify(answers.flatMap(({ results }) => results.map(({ detail }) => detail))),
    ).not.toContain("unrecognised");
  });

  test("is the verdict on that report alone", async () => {
    await using given = await oneOfTwoBroken();
    const { good, bad } = given.leases;
    const { verdicts } = await given.clients.registry.reportTransport({
      reports: [bad, good].map(({ sessionId, handshakeId }) => readyReport(sessionId, handshakeId)),
    });
    expect(verdicts).toMatchObject([
      failed,
      { sessionId: "good", refusal: "", generation: ofPromotion },
    ]);
    expect(given.failures).toMatchObject([{ sessionId: "bad" }]);
  });
});

async function oneOfTwoBroken(): Promise<Case> {
  const under = await serviceUnderTest();
  const failures: Failure[] = [];
  const onItemFailed = (failure: Failure): void => void failures.push(failure);
  const clients = inMemory(dependenciesFor(under.service, { onItemFailed }));
  const leases = { good: await held(clients, "good"), bad: await held(clients, "bad") };
  await breakSession(under.store, "bad", undefined);
  return {
    under,
    clients,
    failures,
    leases,
    [Symbol.asyncDispose]: () => under[Symbol.asyncDispose](),
  };
}

async function held({ lease }: DoorClients, sessionId: string): Promise<Held> {
  const asked = { sessionId, privateBeachId: "beach-1", passcode: "1234" };
  const { controllerToken, offer } = await lease.acquire(asked);
  return { sessionId, controllerToken, handshakeId: offer?.handshakeId ?? "" };
}
