import type { PasscodeVerifier } from "../auth/passcode.ts";
import type { DurationMs } from "../core/time.ts";
import { type Road, RoadUnavailable } from "./road-client.ts";

/** When to ask again for what Road could not judge. */
const retryAfterMs: DurationMs = 5_000;

/** Passcodes as Road judges them. An outage of Road is never a wrong passcode. */
export function roadPasscodes(road: Pick<Road, "verifyCode">): PasscodeVerifier {
  return {
    async verify({ sessionId, passcode }) {
      try {
        const isRight = await road.verifyCode(sessionId, passcode);
        return isRight ? undefined : { reason: "PASSCODE_WRONG" };
      } catch (error) {
        if (!(error instanceof RoadUnavailable)) throw error;
        return { reason: "ROAD_UNAVAILABLE", retryAfterMs };
      }
    },
  };
}
