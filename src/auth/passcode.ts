import type { SessionId } from "../core/ids.ts";
import type { Refusal } from "../core/refusal.ts";

/** Judges the passcode that opens a session to callers who do not own it. */
export interface PasscodeVerifier {
  /**
   * Undefined when the passcode opens the session. Refused with PASSCODE_WRONG, SESSION_UNKNOWN
   * when there is no such session, or ROAD_UNAVAILABLE when nobody could judge; never rejects.
   */
  verify(sessionId: SessionId, passcode: string): Promise<Refusal | undefined>;
}

/** Takes any passcode that is not empty. For development without Beach Road. */
export const devPasscodes: PasscodeVerifier = {
  verify: (_sessionId, passcode) =>
    Promise.resolve(passcode === "" ? { reason: "PASSCODE_WRONG" } : undefined),
};
