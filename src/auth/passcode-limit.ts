import { hash, randomBytes } from "node:crypto";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";

import type { PasscodeAttempt, PasscodeVerifier } from "./passcode.ts";

const wrongPerMinuteMax = 10;
/** Attempts are counted in so many places, so that inventing callers takes no memory. */
const placesMax = 65_536;

/**
 * Asks `verifier` unless the caller has named too many wrong passcodes of the session within a
 * minute. An attempt counts from its start, so that many at once are no way around; what turns out
 * to be right, or is not judged, is taken back.
 */
export function limitWrongPasscodes(
  verifier: PasscodeVerifier,
  wrongMax: number = wrongPerMinuteMax,
): PasscodeVerifier {
  const limiter = new RateLimiterMemory({ points: wrongMax, duration: 60 });
  const salt = randomBytes(16).toString("hex");
  return {
    async verify(attempt) {
      const place = placeOf(attempt, salt);
      try {
        await limiter.consume(place);
      } catch (spent) {
        if (!(spent instanceof RateLimiterRes)) throw spent;
        return { reason: "TOO_MANY", what: "wrong_passcodes", retryAfterMs: spent.msBeforeNext };
      }
      const refusal = await verifier.verify(attempt);
      if (refusal?.reason !== "PASSCODE_WRONG") await limiter.reward(place);
      return refusal;
    },
  };
}

/** Salted, so that nobody can aim at the place of somebody else. */
function placeOf({ sessionId, caller }: PasscodeAttempt, salt: string): string {
  const digest = hash("sha256", JSON.stringify([salt, sessionId, caller]), "hex");
  return String(Number.parseInt(digest.slice(0, 8), 16) % placesMax);
}
