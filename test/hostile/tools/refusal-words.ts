/** The stable words of refusals, as they stand in answers of every protocol. */
const reasons = [
  "SESSION_UNKNOWN",
  "LEASE_NOT_LIVE",
  "REVOKED",
  "PASSCODE_WRONG",
  "ACCOUNT_MISSING",
  "NOT_YOUR_BEACH",
  "SCOPE_MISSING",
  "UNAUTHENTICATED",
  "FIELD_INVALID",
  "CONTENDED",
  "STORE_UNAVAILABLE",
  "TOO_MANY",
  "READER_STALLED",
] as const;

/** The refusal that the text or the bytes of an answer contain, if there is one. */
export function reasonIn(answer: string): string | undefined {
  return reasons.find((reason) => answer.includes(reason));
}
