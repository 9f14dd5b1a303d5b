import { toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";

import { budgetTable } from "../../src/budget/budget-table.ts";
import {
  KeepAliveResponseSchema,
  RenegotiationReason,
} from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import {
  ListSessionsResponseSchema,
  SessionSummarySchema,
} from "../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { ChannelState, TransportEnd } from "../../src/gen/beach/controller/v1/transport_pb.js";
import { serviceUnderTest } from "../support/service/session-service.ts";
import { type DoorClients, dependenciesFor, inMemory } from "./api-under-test.ts";
import { readyReport } from "./conformance/conformance-subject.ts";
import { takeUntil } from "./expect-refusal.ts";

const pageBytesMax = budgetTable.page_bytes.limit;
/** What clients of gRPC accept by default. */
const answerBytesMax = 4 * 1024 * 1024;

const beach = "b".repeat(128);
/** The longest texts: characters of four bytes each. */
const label = (n: number): string => `${n}${"🏖".repeat(63)}`;
const labels: readonly string[] = ["mgr-actions", ...Array.from({ length: 7 }, (_, n) => label(n))];
const leasesMax = 64;

test("sessions of the largest size are listed in pages that are written in a turn", async () => {
  await using under = await serviceUnderTest();
  const clients = inMemory(dependenciesFor(under.service));
  const sessionIds = Array.from({ length: 25 }, (_, n) => `${100 + n}`.padEnd(128, "s"));
  for (const sessionId of sessionIds) await grow(clients, sessionId);

  const listed: string[] = [];
  let pages = 0;
  let pageToken = "";
  do {
    const page = await clients.registry.listSessions({ pageSize: 1000, pageToken });
    expect(toBinary(ListSessionsResponseSchema, page).length).toBeLessThan(pageBytesMax);
    for (const session of page.sessions) {
      expect(session.leases).toHaveLength(leasesMax);
      expect(toBinary(SessionSummarySchema, session).length).toBeGreaterThan(43_000);
      listed.push(session.sessionId);
    }
    pages += 1;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  expect(listed).toEqual(sessionIds);
  expect(pages).toBe(3);
});

test("a batch of renewals over the largest offers has an answer that every gRPC client takes", async () => {
  await using under = await serviceUnderTest();
  const clients = inMemory(dependenciesFor(under.service));
  const renewals: { sessionId: string; controllerToken: string }[] = [];
  for (let n = 0; n < 1000; n += 1) {
    const sessionId = `${1000 + n}`.padEnd(128, "s");
    await attach(clients, sessionId);
    const { controllerToken } = await clients.lease.acquire({ sessionId });
    renewals.push({ sessionId, controllerToken });
  }
  async function* batches() {
    yield { renewals };
  }
  const [answer] = await takeUntil(clients.lease.keepAlive(batches()), () => true);
  expect(answer?.results.filter(({ offer }) => offer !== undefined)).toHaveLength(1000);
  const size = answer === undefined ? 0 : toBinary(KeepAliveResponseSchema, answer).length;
  expect(size).toBeGreaterThan(3_000_000);
  expect(size).toBeLessThan(answerBytesMax);
});

/** A session with all the leases it may have, every end heard, and a replacement in flight. */
async function grow(clients: DoorClients, sessionId: string): Promise<void> {
  const { lease, registry } = clients;
  await attach(clients, sessionId);
  const held = await Promise.all(
    Array.from({ length: leasesMax }, (_, n) =>
      lease.acquire({
        sessionId,
        accountId: `${n}`.padEnd(128, "a"),
        reason: "🏖".repeat(64),
      }),
    ),
  );
  const handshakeId = held.find(({ offer }) => offer !== undefined)?.offer?.handshakeId ?? "";
  const channels = labels.map((name) => ({ label: name, state: ChannelState.READY }));
  await registry.reportTransport({
    reports: [TransportEnd.HOST, TransportEnd.MANAGER].map((end) =>
      readyReport(sessionId, handshakeId, { end, channels, transportId: "🏖".repeat(128) }),
    ),
  });
  await lease.renegotiate({ sessionId, reason: RenegotiationReason.OPERATOR });
}

async function attach({ registry }: DoorClients, sessionId: string): Promise<void> {
  await registry.attachSession({
    sessionId,
    privateBeachId: beach,
    requiredChannels: [...labels],
    // One each: a manager negotiates with a few sessions at a time.
    managerUrl: `http://manager/${sessionId.slice(0, 4)}`.padEnd(1024, "m"),
  });
}
