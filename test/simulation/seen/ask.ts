import type {
  Acquire,
  Attach,
  CheckHandshake,
  Command,
  Detach,
  Report,
  Revoke,
} from "../../../src/core/command.ts";
import type { Refusal } from "../../../src/core/refusal.ts";
import type { NegotiationReason, SessionRecord, Standing } from "../../../src/core/session.ts";
import type { DurationMs, EpochMs } from "../../../src/core/time.ts";
import type { LeaseService, Outcome } from "../../../src/service/lease-service.ts";
import {
  type LeaseSeen,
  type NegotiationSeen,
  seeLease,
  seeNegotiation,
  seeTransport,
  seeVerdict,
  type TransportSeen,
  type VerdictSeen,
} from "./seen.ts";

/** A call as a client words it: leases go by their tokens. */
export type Ask =
  | {
      readonly kind: "Acquire";
      readonly account: string;
      readonly reason: string;
      readonly ttlMs: DurationMs | undefined;
      /** With a passcode that verifies: makes the session known, as this attach would. */
      readonly attach: Attach | undefined;
    }
  | {
      readonly kind: "Renew";
      readonly token: string;
      readonly ttlMs: DurationMs | undefined;
      readonly leaseOnly: boolean;
    }
  | {
      readonly kind: "Renegotiate";
      readonly token: string | undefined;
      readonly reason: NegotiationReason;
      readonly observedGeneration: number | undefined;
    }
  | { readonly kind: "Release"; readonly token: string }
  | { readonly kind: "CheckLease"; readonly token: string }
  | Attach
  | Detach
  | Revoke
  | Report
  | CheckHandshake;

/** What a client is answered, as far as its rpc shows it. */
export type Answer =
  | {
      readonly kind: "done";
      readonly lease?: LeaseSeen;
      readonly renewAfterMs?: DurationMs;
      readonly negotiation?: NegotiationSeen;
      readonly transport?: TransportSeen;
      readonly verdict?: VerdictSeen;
      readonly standing?: Standing;
      /** What a release, detach or revocation found to do. */
      readonly ended?: boolean;
    }
  | {
      readonly kind: "refused";
      readonly refusal: Refusal;
      /** Beside SESSION_UNKNOWN on a report: whether its handshake is retired for certain. */
      readonly standing?: Standing;
    };

export function toCommand(ask: Ask, service: LeaseService): Command {
  const { tokens } = service;
  switch (ask.kind) {
    case "Acquire": {
      const { account, reason, ttlMs, attach } = ask;
      const nextLeaseId = service.nextLeaseId();
      const tokenHashesOf: Acquire["tokenHashesOf"] = (leaseId) => tokens.hashesOf(leaseId);
      return { kind: "Acquire", account, reason, ttlMs, attach, nextLeaseId, tokenHashesOf };
    }
    case "Renew": {
      const { ttlMs, leaseOnly } = ask;
      return { kind: "Renew", tokenHash: tokens.hash(ask.token), ttlMs, leaseOnly };
    }
    case "Renegotiate": {
      const { reason, observedGeneration, token } = ask;
      const tokenHash = token === undefined ? undefined : tokens.hash(token);
      return { kind: "Renegotiate", tokenHash, reason, observedGeneration };
    }
    case "Release":
    case "CheckLease":
      return { kind: ask.kind, tokenHash: tokens.hash(ask.token) };
    case "Attach":
    case "Detach":
    case "Revoke":
    case "Report":
    case "CheckHandshake":
      return ask;
  }
}

export function toAnswer(
  ask: Ask,
  outcome: Outcome<Command>,
  service: LeaseService,
  wallNow: EpochMs,
): Answer {
  if (outcome.kind === "refused") {
    const { refusal, session } = outcome;
    if (ask.kind !== "Report" || refusal.reason !== "SESSION_UNKNOWN") {
      return { kind: "refused", refusal };
    }
    const standing: Standing = session?.kind === "detached" ? "retired" : "unknown";
    return { kind: "refused", refusal, standing };
  }
  return doneOf(ask, outcome, { service, wallNow });
}

type AcceptedOutcome = Extract<Outcome<Command>, { kind: "accepted" }>;

interface Showing {
  readonly service: LeaseService;
  readonly wallNow: EpochMs;
}

function doneOf(
  ask: Ask,
  { session, answer }: AcceptedOutcome,
  { service, wallNow }: Showing,
): Answer {
  const transport = seeAttached(session, service.now());
  const known = transport === undefined ? {} : { transport };
  if (answer === null) return { kind: "done", ...known };
  if ("negotiation" in answer) {
    const { renewAfterMs } = answer;
    const lease = seeLease(answer.lease, service, { wallNow, token: ask.kind === "Acquire" });
    const negotiation = seeNegotiation(answer.negotiation);
    return { kind: "done", lease, renewAfterMs, negotiation, ...known };
  }
  if ("outcome" in answer) {
    return { kind: "done", negotiation: seeNegotiation(answer), ...known };
  }
  if ("lease" in answer) {
    return { kind: "done", lease: seeLease(answer.lease, service, { wallNow, token: false }) };
  }
  if ("standing" in answer) {
    const { standing } = answer;
    if (ask.kind === "CheckHandshake") return { kind: "done", standing, ...known };
    if (session.kind !== "attached") throw new Error("a report was heard on no session");
    return { kind: "done", verdict: seeVerdict(session, standing) };
  }
  if ("released" in answer) return { kind: "done", ended: answer.released };
  if ("detached" in answer) return { kind: "done", ended: answer.detached };
  return { kind: "done", ended: answer.revoked > 0 };
}

function seeAttached(session: SessionRecord, now: EpochMs): TransportSeen | undefined {
  return session.kind === "attached" ? seeTransport(session, now) : undefined;
}
