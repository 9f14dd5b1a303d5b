import { accountFor, authorizeOperator, standingToAcquire } from "../../auth/authorize.ts";
import { beachOf, type Principal, reaches } from "../../auth/principal.ts";
import { actionsChannel } from "../../core/channel.ts";
import type {
  Acquire,
  Attach,
  LeaseAnswer,
  NegotiationAnswer,
  Release,
  Renegotiate,
  Renew,
} from "../../core/command.ts";
import type { AccountId, BeachId, SessionId } from "../../core/ids.ts";
import type { NegotiationReason, Session } from "../../core/session.ts";
import type { DurationMs } from "../../core/time.ts";
import { type Awaitable, whenReady } from "../../service/awaitable.ts";
import type { LeaseService } from "../../service/lease-service.ts";
import type { ApiDependencies } from "../call/dependencies.ts";
import { execute, executeAny, executeOnSession, withSession } from "../call/execute.ts";
import { find } from "../call/gate.ts";
import { done, mapDone, type Result, refused } from "../refusal/result.ts";
import { fieldInvalid } from "../request/field-check.ts";

/** A request for a lease, in whatever form it came. */
export interface AcquireAsked {
  readonly sessionId: SessionId;
  /** Empty where the caller named none, as `reason`, `passcode` and `accountId`. */
  readonly beachId: BeachId;
  readonly reason: string;
  readonly ttlMs: DurationMs | undefined;
  readonly passcode: string;
  readonly accountId: AccountId;
  /** What the two fields are called where this came from. */
  readonly fieldNames: { readonly beachId: string; readonly accountId: string };
}

export interface RenewAsked {
  readonly sessionId: SessionId;
  readonly token: string;
  readonly ttlMs: DurationMs | undefined;
  readonly leaseOnly: boolean;
}

export interface RenegotiateAsked {
  readonly sessionId: SessionId;
  /** Empty for an operator without a lease. */
  readonly token: string;
  readonly reason: NegotiationReason;
  readonly observedGeneration: number | undefined;
}

/** A lease that was granted or renewed, and the session as that left it. */
export interface Held {
  readonly session: Session;
  readonly answer: LeaseAnswer;
}

export interface Negotiated {
  readonly session: Session;
  readonly answer: NegotiationAnswer;
}

type LeaseDependencies = Pick<ApiDependencies, "service" | "passcodes" | "defaultManagerUrl">;

/** What controller leases can be asked, the same behind every protocol. */
export interface LeaseCalls {
  acquire(principal: Principal, asked: AcquireAsked): Promise<Result<Held>>;
  renew(principal: Principal, asked: RenewAsked): Awaitable<Result<Held>>;
  renegotiate(principal: Principal, asked: RenegotiateAsked): Awaitable<Result<Negotiated>>;
  release(principal: Principal, id: SessionId, token: string): Awaitable<Result<boolean>>;
}

export function createLeaseCalls(dependencies: LeaseDependencies): LeaseCalls {
  const { service } = dependencies;
  return {
    acquire: (principal, asked) => acquire(dependencies, principal, asked),

    renew(principal, { sessionId, token, ttlMs, leaseOnly }) {
      const tokenHash = service.tokens.hash(token);
      const command = { kind: "Renew", tokenHash, ttlMs, leaseOnly } as const;
      return executeOnSession<Renew>(service, principal, { sessionId, command });
    },

    renegotiate(principal, { sessionId, token, reason, observedGeneration }) {
      const refusal = token === "" ? authorizeOperator(principal) : undefined;
      if (refusal !== undefined) return refused(refusal);
      const tokenHash = token === "" ? undefined : service.tokens.hash(token);
      const command = { kind: "Renegotiate", tokenHash, reason, observedGeneration } as const;
      return executeOnSession<Renegotiate>(service, principal, { sessionId, command });
    },

    release(principal, sessionId, token) {
      const command = { kind: "Release", tokenHash: service.tokens.hash(token) } as const;
      return whenReady(execute<Release>(service, principal, { sessionId, command }), (result) =>
        mapDone(result, ({ answer }) => answer.released),
      );
    },
  };
}

async function acquire(
  dependencies: LeaseDependencies,
  principal: Principal,
  asked: AcquireAsked,
): Promise<Result<Held>> {
  const holder = accountFor(principal, asked.accountId);
  if (holder === "missing") return refused({ reason: "ACCOUNT_MISSING" });
  if (holder === "not_yours") {
    return fieldInvalid(asked.fieldNames.accountId, "must be empty or the bearer's own account");
  }
  const attach = await admit(dependencies, principal, asked, holder.account);
  if (attach.kind === "refused") return attach;
  const { service } = dependencies;
  const command: Acquire = {
    kind: "Acquire",
    account: holder.account,
    reason: asked.reason,
    ttlMs: asked.ttlMs,
    nextLeaseId: service.nextLeaseId(),
    tokenHashesOf: (leaseId) => service.tokens.hashesOf(leaseId),
    attach: attach.value,
  };
  return mapDone(await executeAny(service, asked.sessionId, command), withSession);
}

/** Judges the caller's standing; the value is how the session becomes known, if it is to. */
async function admit(
  { service, passcodes, defaultManagerUrl }: LeaseDependencies,
  principal: Principal,
  asked: AcquireAsked,
  account: AccountId,
): Promise<Result<Attach | undefined>> {
  const found = await find(service, asked.sessionId);
  if (found.kind === "refused") return found;
  const session = found.value?.kind === "attached" ? found.value : undefined;
  const standing = standingToAcquire(principal, {
    own: session !== undefined && reaches(principal, session),
    renewsOwn: account === principal.account && holdsLive(service, session, asked, account),
    passcodeGiven: asked.passcode !== "",
  });
  if (standing === "standing") return done(undefined);
  if (standing !== "verify_passcode") return refused(standing);

  const beachId = beachOf(principal) ?? asked.beachId;
  if (session === undefined && beachId === "") {
    return fieldInvalid(
      asked.fieldNames.beachId,
      "must name the private beach that owns a session which is not known yet",
    );
  }
  const refusal = await passcodes.verify(asked.sessionId, asked.passcode);
  if (refusal !== undefined) return refused(refusal);
  return done(session === undefined ? newSession(beachId, defaultManagerUrl) : undefined);
}

function holdsLive(
  service: LeaseService,
  session: Session | undefined,
  asked: AcquireAsked,
  account: AccountId,
): boolean {
  const now = service.now();
  return (
    session?.leases.live.some(
      (lease) =>
        lease.account === account && lease.reason === asked.reason && now < lease.expiresAt,
    ) ?? false
  );
}

function newSession(beachId: BeachId, managerUrl: string): Attach {
  return {
    kind: "Attach",
    beachId,
    managerUrl,
    requiredChannels: [actionsChannel],
    hostReports: false,
  };
}
