import { callFailure } from "../client/index.ts";

/** What the program ends with; the numbers from 64 on are those of sysexits.h. */
export const exitCodes = {
  done: 0,
  failed: 1,
  declined: 2,
  badUsage: 64,
  unknownSession: 66,
  unreachable: 69,
  tryAgain: 75,
  notAllowed: 77,
} as const;

/** The table of `--help`. */
export const exitCodeTable: readonly (readonly [code: number, meaning: string])[] = [
  [exitCodes.done, "done; also after Ctrl-C in watch, and when the reader of the output leaves"],
  [exitCodes.failed, "refused or failed for another reason"],
  [exitCodes.declined, "not confirmed: nothing was done"],
  [exitCodes.badUsage, "wrong arguments, or a file that cannot be used"],
  [exitCodes.unknownSession, "the service does not know the session"],
  [exitCodes.unreachable, "the service cannot be reached, or did not answer in time"],
  [exitCodes.tryAgain, "refused for now: try again"],
  [exitCodes.notAllowed, "not allowed: no bearer, a wrong one, or one without the scope"],
];

/** Ends the program with one line for people. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly exitCode: number;

  constructor(message: string, options: ErrorOptions & { readonly exitCode: number }) {
    super(message, options);
    this.exitCode = options.exitCode;
  }
}

/** A file that cannot be used as it is now: whoever replaces it may not have finished. */
export class FileFailure extends Failure {
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { ...options, exitCode: exitCodes.badUsage });
  }
}

/** The arguments are wrong. */
export function badUsage(what: string): Failure {
  const text = `${what}: controller-lease --help lists the options`;
  return new Failure(text, { exitCode: exitCodes.badUsage });
}

/** Where calls go, and what they are about, as far as an error has to say so. */
export interface CallPlace {
  /** As the caller gave it. */
  readonly address: string;
  /** Whether TLS is spoken there; left out of a door that never speaks it. */
  readonly isSecure?: boolean;
  readonly timeoutMs: number;
  readonly sessionId?: string;
}

const giveBearer =
  "give a bearer by --bearer-file FILE or in LEASE_BEARER, or a certificate by --cert and --key";

/** What a call threw, as one line that says what to do. */
export function failureOf(error: unknown, place: CallPlace): Failure {
  const own = failureWithin(error);
  if (own !== undefined) return own;
  const { reason, message, retryAfterMs } = callFailure(error);
  const fail = (text: string, exitCode: number): Failure =>
    new Failure(text, { exitCode, cause: error });
  switch (reason) {
    case "UNAUTHENTICATED":
    case "Unauthenticated":
      return fail(`${message}: ${giveBearer}`, exitCodes.notAllowed);
    case "SCOPE_MISSING":
    case "NOT_YOUR_BEACH":
    case "PermissionDenied":
      return fail(`${message} (${reason}): use a bearer that may`, exitCodes.notAllowed);
    case "SESSION_UNKNOWN":
      return unknownSession(place.sessionId, error);
    case "STORE_UNAVAILABLE":
    case "SESSION_UNREADABLE":
    case "KEYS_UNAVAILABLE":
    case "CONTENDED":
    case "TOO_MANY": {
      const when = retryAfterMs === undefined ? "later" : `in ${Math.ceil(retryAfterMs / 1000)} s`;
      return fail(`${message} (${reason}): try again ${when}`, exitCodes.tryAgain);
    }
    case "FIELD_INVALID":
      return fail(message, exitCodes.badUsage);
    case "DeadlineExceeded":
    case "Canceled":
      return lateFailure(error, place);
    case "Unimplemented":
      return fail(
        `${place.address} does not serve this: --address names the internal door (LEASE_GRPC_LISTEN), or the public one over TLS`,
        exitCodes.unreachable,
      );
    case "Unavailable":
      return unreachable(error, place);
    default:
      return hasNetworkCode(error)
        ? unreachable(error, place)
        : fail(`${message} (${reason})`, exitCodes.failed);
  }
}

/** Ours, which a call that was being made has wrapped. */
function failureWithin(error: unknown): Failure | undefined {
  if (error instanceof Failure) return error;
  return error instanceof Error ? failureWithin(error.cause) : undefined;
}

/** A door that took the call, and said nothing in time. */
export function lateFailure(error: unknown, place: CallPlace): Failure {
  const late = `${place.address} gave no answer within ${place.timeoutMs} ms`;
  return new Failure(`${late}: is it busy, or is --timeout short?${tlsHint(place)}`, {
    exitCode: exitCodes.unreachable,
    cause: error,
  });
}

export function unknownSession(sessionId: string | undefined, cause?: unknown): Failure {
  return new Failure(
    `the session ${sessionId ?? ""} is not known: "controller-lease sessions" lists those that are`,
    { exitCode: exitCodes.unknownSession, cause },
  );
}

/** A door that nobody reaches. */
export function unreachable(error: unknown, place: CallPlace): Failure {
  const { code, message } = innermost(error);
  const what = `cannot reach ${place.address} (${code ?? message})`;
  return new Failure(`${what}: ${remedyFor(`${code} ${message}`, place)}`, {
    exitCode: exitCodes.unreachable,
    cause: error,
  });
}

function remedyFor(why: string, place: CallPlace): string {
  if (/ALTNAME/.test(why)) return "use a name that its certificate bears";
  if (/ALERT/.test(why)) return "does it want a certificate by --cert and --key?";
  if (/CERT|SELF_SIGNED|ISSUER|UNABLE_TO/.test(why)) {
    return "name the authority of its certificate by --ca FILE";
  }
  if (/ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOST|ENET|ETIMEDOUT/.test(why)) {
    return "is the service up, and is that the address of its door?";
  }
  return `is it a door of the service${place.isSecure === true ? ", and does it speak TLS" : ""}?${tlsHint(place)}`;
}

function tlsHint({ address, isSecure }: CallPlace): string {
  return isSecure === false ? ` If it speaks TLS, write https://${address}` : "";
}

function hasNetworkCode(error: unknown): boolean {
  return /^(E[A-Z]{3,}|ERR_(SSL|TLS|HTTP2)|[A-Z_]*(CERT|SIGNED))/.test(innermost(error).code ?? "");
}

/** The innermost cause says most. */
function innermost(error: unknown): { readonly message: string; readonly code?: string } {
  if (!(error instanceof Error)) return { message: String(error) };
  if (error instanceof AggregateError && error.errors.length > 0) return innermost(error.errors[0]);
  if (error.cause instanceof Error) return innermost(error.cause);
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  return { message: error.message, ...(code === undefined ? {} : { code }) };
}
