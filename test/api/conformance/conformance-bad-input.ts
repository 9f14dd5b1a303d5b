import type { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";

import { RenegotiationReason } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import type { TransportEnd } from "../../../src/gen/beach/controller/v1/transport_pb.js";
import type { DoorClients } from "../api-under-test.ts";
import { refusalOf, takeUntil } from "../expect-refusal.ts";
import {
  beach,
  type ConformanceOptions,
  type ConformanceSubject,
  freshId,
  live,
  readyReport,
  sessionOf,
  transportOf,
} from "./conformance-subject.ts";

/** A session with a live lease, which every bad call is aimed at. */
interface Target {
  readonly sessionId: string;
  readonly controllerToken: string;
}

type BadCall = (clients: DoorClients, target: Target) => Promise<unknown>;
type BadCase = readonly [what: string, call: BadCall, fields: readonly string[]];

const tooLongId = "s".repeat(129);
const tooLongText = "x".repeat(257);

export function badInputCases(
  subject: () => ConformanceSubject,
  { door }: ConformanceOptions,
): void {
  const invalid = door === "internal" ? [...everywhere, ...internalOnly] : everywhere;
  describe("bad input", () => {
    test.each(invalid)("%s is FIELD_INVALID and changes nothing", async (_what, call, fields) => {
      const { target, look } = await aim(subject());
      const before = await look();
      expect(await refusalOf(call(subject().clients, target))).toMatchObject({
        code: "InvalidArgument",
        reason: "FIELD_INVALID",
        domain: "controller.beach",
        fields,
      });
      expect(await look()).toEqual(before);
    });

    test("with more wrong fields than a refusal lists says how many more there are", async () => {
      const sessionIds = Array.from({ length: 1000 }, () => "a/b");
      const seen = await refusalOf(watched(subject().clients, { sessionIds }));
      expect(seen.fields).toEqual(Array.from({ length: 16 }, (_, n) => `session_ids[${n}]`));
      expect(seen.message).toMatch(/; and 984 more$/);
      expect(seen.metadata).toEqual({ not_listed: "984" });
    });

    test.each(door === "internal" ? [...unknown, ...unknownInternal] : unknown)(
      "%s",
      async (_what, call, code, reason) => {
        const { target, look } = await aim(subject());
        const before = await look();
        expect(await refusalOf(call(subject().clients, target))).toMatchObject({ code, reason });
        expect(await look()).toEqual(before);
      },
    );
  });
}

/** A target, and a look at what must not change about it. */
export async function aim(
  subject: ConformanceSubject,
): Promise<{ readonly target: Target; readonly look: () => Promise<unknown> }> {
  const held = await live(subject);
  const target = { sessionId: sessionOf(held), controllerToken: held.controllerToken };
  const look = async (): Promise<unknown> => {
    const transport = await transportOf(subject, target.sessionId);
    return {
      version: transport?.version,
      leaseVersion: transport?.leaseVersion,
      generation: transport?.generation,
      stored: await subject.stored?.(target.sessionId),
    };
  };
  return { target, look };
}

function watched(
  clients: DoorClients,
  request: Parameters<DoorClients["lease"]["watchTransport"]>[0],
): Promise<unknown> {
  return takeUntil(clients.lease.watchTransport(request), (seen) => seen.length === 1);
}

/** A session and a token that are missing, too long, or cannot be. */
function namesCases(
  rpc: string,
  call: (clients: DoorClients, names: Partial<Target>) => Promise<unknown>,
): readonly BadCase[] {
  const tooLong: Target = { sessionId: tooLongId, controllerToken: tooLongText };
  return [
    [`${rpc} without anything`, (clients) => call(clients, {}), ["session_id", "controller_token"]],
    [
      `${rpc} with names that are too long`,
      (clients) => call(clients, tooLong),
      ["session_id", "controller_token"],
    ],
    [
      `${rpc} with a session id that holds a slash`,
      (clients, target) => call(clients, { ...target, sessionId: "a/b" }),
      ["session_id"],
    ],
  ];
}

const everywhere: readonly BadCase[] = [
  ["Acquire without anything", ({ lease }) => lease.acquire({}), ["session_id"]],
  [
    "Acquire with a session id that holds a slash",
    ({ lease }) => lease.acquire({ sessionId: "a/b", passcode: "1", privateBeachId: beach }),
    ["session_id"],
  ],
  [
    "Acquire with everything too long",
    ({ lease }) =>
      lease.acquire({
        sessionId: tooLongId,
        privateBeachId: tooLongId,
        reason: "r".repeat(65),
        ttl: { seconds: -1n },
        passcode: tooLongText,
        accountId: tooLongId,
      }),
    ["session_id", "private_beach_id", "reason", "ttl", "passcode", "account_id"],
  ],
  [
    "Acquire for a reason with a line break in it",
    ({ lease }, { sessionId }) => lease.acquire({ sessionId, reason: "tile\n" }),
    ["reason"],
  ],
  [
    "Acquire with ttl zero",
    ({ lease }, { sessionId }) => lease.acquire({ sessionId, ttl: { seconds: 0n } }),
    ["ttl"],
  ],
  ...namesCases("Renew", ({ lease }, names) => lease.renew(names)),
  ...namesCases("Renegotiate", ({ lease }, names) => lease.renegotiate(names)),
  ...namesCases("Release", ({ lease }, names) => lease.release(names)),
  [
    "Renew with ttl zero",
    ({ lease }, target) => lease.renew({ ...target, ttl: { seconds: 0n } }),
    ["ttl"],
  ],
  [
    "Renew with a negative ttl",
    ({ lease }, target) => lease.renew({ ...target, ttl: { seconds: 0n, nanos: -1 } }),
    ["ttl"],
  ],
  [
    "Renegotiate without a token, by nobody in particular",
    ({ lease }, { sessionId }) => lease.renegotiate({ sessionId }),
    ["controller_token"],
  ],
  [
    "Renegotiate for a reason that is not in the contract",
    ({ lease }, target) => lease.renegotiate({ ...target, reason: 99 as RenegotiationReason }),
    ["reason"],
  ],
  [
    "Renegotiate with a generation that no number holds",
    ({ lease }, target) => lease.renegotiate({ ...target, observedGeneration: 2n ** 60n }),
    ["observed_generation"],
  ],
  ["WatchTransport of nothing", (clients) => watched(clients, {}), ["session_ids"]],
  [
    "WatchTransport of sessions and a private beach",
    (clients, { sessionId }) =>
      watched(clients, { sessionIds: [sessionId], privateBeachId: beach }),
    ["session_ids"],
  ],
  [
    "WatchTransport of too many sessions",
    (clients) => watched(clients, { sessionIds: Array.from({ length: 1001 }, () => "s") }),
    ["session_ids"],
  ],
  [
    "WatchTransport of an empty session id, as nobody in the contract",
    (clients) => watched(clients, { sessionIds: ["s", ""], reader: 9 as TransportEnd }),
    ["session_ids[1]", "reader"],
  ],
  [
    "WatchTransport of an impossible beach, with known versions of impossible sessions",
    (clients) =>
      watched(clients, { privateBeachId: tooLongId, knownVersions: { "": 1n, "a/b": 1n } }),
    ["private_beach_id", 'known_versions[""]', 'known_versions["a?b"]'],
  ],
  [
    "WatchTransport with too many known versions",
    (clients) =>
      watched(clients, {
        sessionIds: ["s"],
        knownVersions: Object.fromEntries(Array.from({ length: 10_001 }, (_, n) => [`s${n}`, 1n])),
      }),
    ["known_versions"],
  ],
  [
    "ReportTransport of too many reports",
    ({ registry }, { sessionId }) =>
      registry.reportTransport({
        reports: Array.from({ length: 1001 }, () => readyReport(sessionId, "h")),
      }),
    ["reports"],
  ],
  [
    "CheckHandshake without anything",
    ({ registry }) => registry.checkHandshake({}),
    ["session_id", "handshake_id"],
  ],
  [
    "CheckHandshake without a handshake",
    ({ registry }, { sessionId }) => registry.checkHandshake({ sessionId }),
    ["handshake_id"],
  ],
  [
    "CheckHandshake of an id that is too long",
    ({ registry }, { sessionId }) =>
      registry.checkHandshake({ sessionId, handshakeId: tooLongText }),
    ["handshake_id"],
  ],
  [
    "RevokeLeases with everything wrong",
    ({ registry }) =>
      registry.revokeLeases({ reason: tooLongText, hold: { seconds: -1n }, leaseIds: [""] }),
    ["session_id", "reason", "hold", "lease_ids[0]"],
  ],
  [
    "RevokeLeases of more leases than can be named",
    ({ registry }, { sessionId }) =>
      registry.revokeLeases({ sessionId, leaseIds: Array.from({ length: 1001 }, () => "l") }),
    ["lease_ids"],
  ],
  [
    "RevokeLeases for a reason that rings a bell",
    ({ registry }, { sessionId }) => registry.revokeLeases({ sessionId, reason: "stop\u0007" }),
    ["reason"],
  ],
  [
    "RevokeLeases with a hold above a day",
    ({ registry }, { sessionId }) =>
      registry.revokeLeases({ sessionId, hold: { seconds: 86_401n } }),
    ["hold"],
  ],
  [
    "ListSessions with a page size and a token that nobody gave out",
    ({ registry }) => registry.listSessions({ pageSize: 1001, pageToken: "made up" }),
    ["page_size", "page_token"],
  ],
  [
    "ListSessions with a negative page size, of an impossible beach",
    ({ registry }) => registry.listSessions({ pageSize: -1, privateBeachId: "a/b" }),
    ["private_beach_id", "page_size"],
  ],
  [
    "SummarizeFleet of an impossible beach",
    ({ registry }) => registry.summarizeFleet({ privateBeachId: tooLongId }),
    ["private_beach_id"],
  ],
];

const internalOnly: readonly BadCase[] = [
  [
    "AttachSession without anything",
    ({ registry }) => registry.attachSession({}),
    ["session_id", "private_beach_id"],
  ],
  [
    "AttachSession with too many channels and a manager url that is none",
    ({ registry }, { sessionId }) =>
      registry.attachSession({
        sessionId,
        privateBeachId: beach,
        requiredChannels: Array.from({ length: 9 }, (_, n) => `c${n}`),
        managerUrl: "ftp://manager",
      }),
    ["required_channels", "manager_url"],
  ],
  [
    "AttachSession with an empty channel label and one that is too long",
    ({ registry }, { sessionId }) =>
      registry.attachSession({
        sessionId,
        privateBeachId: beach,
        requiredChannels: ["", "mgr-acks", "c".repeat(65)],
      }),
    ["required_channels[0]", "required_channels[2]"],
  ],
  [
    "AttachSession with ids that cannot be",
    ({ registry }) => registry.attachSession({ sessionId: "a/b", privateBeachId: tooLongId }),
    ["session_id", "private_beach_id"],
  ],
  [
    "DetachSession with everything too long",
    ({ registry }) => registry.detachSession({ sessionId: tooLongId, reason: tooLongText }),
    ["session_id", "reason"],
  ],
  ...["unknown", "idle", "bye\u001b[2J"].map(
    (reason): BadCase => [
      `DetachSession for the reason ${JSON.stringify(reason)}`,
      ({ registry }, { sessionId }) => registry.detachSession({ sessionId, reason }),
      ["reason"],
    ],
  ),
  ...["//manager", "http://manager/\n", "http://bücher", `http://${"m".repeat(1018)}`].map(
    (managerUrl): BadCase => [
      `AttachSession with the manager url ${JSON.stringify(managerUrl.slice(0, 20))}`,
      ({ registry }, { sessionId }) =>
        registry.attachSession({ sessionId, privateBeachId: beach, managerUrl }),
      ["manager_url"],
    ],
  ),
  ...namesCases("CheckLease", ({ registry }, names) => registry.checkLease(names)),
];

type UnknownCase = readonly [what: string, call: BadCall, code: keyof typeof Code, reason: string];

const other = { sessionId: "nobody-knows-this", controllerToken: "no-such-token" };

const unknown: readonly UnknownCase[] = [
  [
    "Renew of an unknown session is SESSION_UNKNOWN",
    ({ lease }) => lease.renew(other),
    "NotFound",
    "SESSION_UNKNOWN",
  ],
  [
    "Renew with an unknown token is LEASE_NOT_LIVE",
    ({ lease }, { sessionId }) => lease.renew({ ...other, sessionId }),
    "FailedPrecondition",
    "LEASE_NOT_LIVE",
  ],
  [
    "Renegotiate of an unknown session is SESSION_UNKNOWN",
    ({ lease }) => lease.renegotiate(other),
    "NotFound",
    "SESSION_UNKNOWN",
  ],
  [
    "Renegotiate with an unknown token is LEASE_NOT_LIVE",
    ({ lease }, { sessionId }) => lease.renegotiate({ ...other, sessionId }),
    "FailedPrecondition",
    "LEASE_NOT_LIVE",
  ],
  [
    "Renegotiate of an unknown session by an operator is SESSION_UNKNOWN",
    ({ lease }) =>
      lease.renegotiate({ sessionId: freshId(), reason: RenegotiationReason.OPERATOR }),
    "NotFound",
    "SESSION_UNKNOWN",
  ],
  [
    "Release of an unknown session is SESSION_UNKNOWN",
    ({ lease }) => lease.release(other),
    "NotFound",
    "SESSION_UNKNOWN",
  ],
  [
    "CheckHandshake of an unknown session is SESSION_UNKNOWN",
    ({ registry }) => registry.checkHandshake({ sessionId: freshId(), handshakeId: "h" }),
    "NotFound",
    "SESSION_UNKNOWN",
  ],
  [
    "RevokeLeases of an unknown session is SESSION_UNKNOWN",
    ({ registry }) => registry.revokeLeases({ sessionId: freshId() }),
    "NotFound",
    "SESSION_UNKNOWN",
  ],
];

const unknownInternal: readonly UnknownCase[] = [
  [
    "CheckLease of an unknown session is SESSION_UNKNOWN",
    ({ registry }) => registry.checkLease(other),
    "NotFound",
    "SESSION_UNKNOWN",
  ],
];
