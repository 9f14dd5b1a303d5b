import type { SessionId } from "../core/ids.ts";
import type { Refusal } from "../core/refusal.ts";

/** Judges the passcode that opens a session to callers who do not own it. */
export interface PasscodeVerifier {
  /**
   * Undefined when the passcode opens the session. Refused with PASSCODE_WRONG, SESSION_UNKNOWN
   * when there is no such session, ROAD_UNAVAILABLE when nobody could judge, or TOO_MANY when the
   * caller has been wrong too often.
   */
  verify(attempt: PasscodeAttempt): Promise<Refusal | undefined>;
}

export interface PasscodeAttempt {
  readonly sessionId: SessionId;
  readonly passcode: string;
  /** Who tries, so that attempts can be counted. */
  readonly caller: string;
}

/** Takes any passcode that is not empty. For development without Beach Road. */
export const devPasscodes: PasscodeVerifier = {
  verify: ({ passcode }) =>
    Promise.resolve(passcode === "" ? { reason: "PASSCODE_WRONG" } : undefined),
};

/** Opens nothing: where nobody can judge a passcode, it is worth as much as none. */
export const noPasscodes: PasscodeVerifier = {
  verify: () => Promise.resolve({ reason: "SESSION_UNKNOWN" }),
};
