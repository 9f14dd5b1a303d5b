import type { MessageInitShape } from "@bufbuild/protobuf";

import { accountFor, standingToAcquire } from "../../auth/authorize.ts";
import { beachOf, type Principal, reaches } from "../../auth/principal.ts";
import type { Acquire, Attach } from "../../core/command.ts";
import type { AccountId, BeachId, SessionId } from "../../core/ids.ts";
import type { Refusal } from "../../core/refusal.ts";
import type { SessionRecord } from "../../core/session.ts";
import type { DurationMs, EpochMs } from "../../core/time.ts";
import { actionsChannel } from "../../core/transport/channel.ts";
import type {
  AcquireRequest,
  AcquireResponseSchema,
  ControllerLease,
} from "../../gen/beach/controller/v1/controller_lease_pb.js";
import type { LeaseService } from "../../service/lease-service.ts";
import type { ApiDependencies } from "../call/dependencies.ts";
import { toAnsweredBySession } from "../call/execute.ts";
import type { Handlers } from "../call/handlers.ts";
import { unary } from "../call/unary.ts";
import { done, mapDone, type Result, refused } from "../refusal/result.ts";
import { FieldCheck, fieldInvalid } from "../request/field-check.ts";
import { idFault, lengthFault, optionalIdFault, reasonFault } from "../request/field-rules.ts";
import { limits } from "../request/limits.ts";
import { parseTtl } from "../request/parse-values.ts";
import { type Held, type Presenter, presentHeld } from "./present-lease.ts";

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
  readonly renewsSlowly?: boolean;
}

type LeaseDependencies = Pick<
  ApiDependencies,
  "service" | "passcodes" | "attachCodes" | "defaultManagerUrl"
>;

export function createAcquire(
  dependencies: ApiDependencies,
): Handlers<typeof ControllerLease>["acquire"] {
  return unary(dependencies, {
    rpc: "Acquire",
    action: "acquire a lease",
    parse: parseAcquire,
    perform: async (principal, asked) =>
      mapDone(await acquireLease(dependencies, principal, asked), (held) =>
        presentAcquired(held, dependencies.service),
      ),
  });
}

const fieldNames = { beachId: "private_beach_id", accountId: "account_id" } as const;

function parseAcquire(request: AcquireRequest): Result<AcquireAsked> {
  const check = new FieldCheck();
  check.note("session_id", idFault(request.sessionId));
  check.note("private_beach_id", optionalIdFault(request.privateBeachId));
  check.note("reason", reasonFault(request.reason));
  const ttlMs = parseTtl({ check, name: "ttl" }, request.ttl);
  check.note("passcode", lengthFault(request.passcode, limits.passcodeLength));
  check.note("account_id", optionalIdFault(request.accountId));
  return check.finish({
    sessionId: request.sessionId,
    beachId: request.privateBeachId,
    reason: request.reason,
    ttlMs,
    passcode: request.passcode,
    accountId: request.accountId,
    fieldNames,
  });
}

/** Grants a lease, or renews the caller's own; makes the session known where a passcode opens it. */
export async function acquireLease(
  dependencies: LeaseDependencies,
  principal: Principal,
  asked: AcquireAsked,
): Promise<Result<Held>> {
  const holder = accountFor(principal, asked.accountId);
  if (holder === "missing") return refused({ reason: "ACCOUNT_MISSING" });
  if (holder === "not_yours") {
    return fieldInvalid(asked.fieldNames.accountId, "must be empty or the bearer's own account");
  }
  const { account } = holder;
  const { service } = dependencies;
  const { sessionId } = asked;
  const nextLeaseId = service.nextLeaseId();
  const command = (attach: Attach | undefined): Acquire => ({
    kind: "Acquire",
    account,
    reason: asked.reason,
    ttlMs: asked.ttlMs,
    nextLeaseId,
    tokenHashesOf: (leaseId) => service.tokens.hashesOf(leaseId),
    attach,
    renewsSlowly: asked.renewsSlowly ?? false,
  });
  let seen: SessionRecord | undefined;
  const outcome = await service.execute(sessionId, command(undefined), (record) => {
    seen = record;
    const refusal = standingRefusal(principal, record, {
      ...asked,
      account,
      now: service.now(),
    });
    // Before the decision, which may be to send a handshake to the host at once.
    if (refusal === undefined) dependencies.attachCodes.note(sessionId, asked.passcode);
    return refusal;
  });
  if (outcome.kind !== "refused" || outcome.refusal !== verifyFirst) {
    return toAnsweredBySession(outcome);
  }
  const attach = await verified(dependencies, principal, { ...asked, account }, seen);
  if (attach.kind === "refused") return attach;
  // The passcode opens the session as it is then, whatever its owner.
  return toAnsweredBySession(await service.execute(sessionId, command(attach.value)));
}

/** Recognised by identity. No caller sees it. */
const verifyFirst: Refusal = { reason: "PASSCODE_WRONG" };

interface Standing extends Pick<AcquireAsked, "reason" | "passcode"> {
  readonly account: AccountId;
  readonly now: EpochMs;
}

/** Undefined when the caller has standing at the session; {@link verifyFirst} when a passcode decides. */
function standingRefusal(
  principal: Principal,
  record: SessionRecord | undefined,
  { account, reason, passcode, now }: Standing,
): Refusal | undefined {
  const session = record?.kind === "attached" ? record : undefined;
  const holdsLive = session?.leases.live.some(
    (lease) => lease.account === account && lease.reason === reason && now < lease.expiresAt,
  );
  const standing = standingToAcquire(principal, {
    own: session !== undefined && reaches(principal, session),
    renewsOwn: account === principal.account && holdsLive === true,
    passcodeGiven: passcode !== "",
  });
  if (standing === "standing") return undefined;
  return standing === "verify_passcode" ? verifyFirst : standing;
}

/** How the session becomes known, if it is to, once the passcode is verified. */
async function verified(
  { passcodes, attachCodes, defaultManagerUrl }: LeaseDependencies,
  principal: Principal,
  asked: AcquireAsked & { readonly account: AccountId },
  record: SessionRecord | undefined,
): Promise<Result<Attach | undefined>> {
  const isKnown = record?.kind === "attached";
  const beachId = beachOf(principal) ?? asked.beachId;
  if (!isKnown && beachId === "") {
    return fieldInvalid(
      asked.fieldNames.beachId,
      "must name the private beach that owns a session which is not known yet",
    );
  }
  const { sessionId, passcode, account } = asked;
  const caller = `${principal.kind} ${account}`;
  const refusal = await passcodes.verify({ sessionId, passcode, caller });
  if (refusal !== undefined) return refused(refusal);
  attachCodes.note(sessionId, passcode);
  return done(isKnown ? undefined : newSession(beachId, defaultManagerUrl));
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

/** The only answer that shows a token. */
function presentAcquired(
  held: Held,
  service: Presenter & Pick<LeaseService, "tokens">,
): MessageInitShape<typeof AcquireResponseSchema> {
  const { lease } = held.answer;
  const controllerToken = service.tokens.of(lease.id, lease.tokenHashes);
  return { ...presentHeld(held, service), controllerToken };
}
