import { expect, test } from "vitest";

import type { PasscodeAttempt, PasscodeVerifier } from "../../src/auth/passcode.ts";
import { limitWrongPasscodes } from "../../src/auth/passcode-limit.ts";
import type { Refusal } from "../../src/core/refusal.ts";

/** The passcode itself says what comes of it. */
const answers: Readonly<Record<string, Refusal>> = {
  wrong: { reason: "PASSCODE_WRONG" },
  away: { reason: "ROAD_UNAVAILABLE", retryAfterMs: 5_000 },
};

function limited(): {
  readonly asked: string[];
  readonly attempt: (passcode: string, of?: Partial<PasscodeAttempt>) => Promise<string>;
} {
  const asked: string[] = [];
  const verifier: PasscodeVerifier = {
    verify: async ({ passcode }) => {
      asked.push(passcode);
      return answers[passcode];
    },
  };
  const limit = limitWrongPasscodes(verifier);
  return {
    asked,
    attempt: async (passcode, of = {}) => {
      const refusal = await limit.verify({ sessionId: "s-1", caller: "person a", passcode, ...of });
      return refusal?.reason ?? "right";
    },
  };
}

const times = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at);

test("ten wrong passcodes a minute are judged, and no more, not even a right one", async () => {
  const { asked, attempt } = limited();
  for (const _ of times(10)) expect(await attempt("wrong")).toBe("PASSCODE_WRONG");
  expect(await attempt("wrong")).toBe("TOO_MANY");
  expect(await attempt("right")).toBe("TOO_MANY");
  expect(asked).toHaveLength(10);
});

test("many at once are no way around", async () => {
  const { asked, attempt } = limited();
  await Promise.all(times(100).map(() => attempt("wrong")));
  expect(asked).toHaveLength(10);
});

test("right passcodes, and those that could not be verified, do not count", async () => {
  const { attempt } = limited();
  for (const _ of times(30)) expect(await attempt("right")).toBe("right");
  for (const _ of times(30)) expect(await attempt("away")).toBe("ROAD_UNAVAILABLE");
  for (const _ of times(10)) expect(await attempt("wrong")).toBe("PASSCODE_WRONG");
});

test("each caller and each session is counted by itself", async () => {
  const { attempt } = limited();
  for (const _ of times(11)) await attempt("wrong");
  expect(await attempt("right", { caller: "person b" })).toBe("right");
  expect(await attempt("right", { sessionId: "s-2" })).toBe("right");
});

test("says when to try again", async () => {
  const limit = limitWrongPasscodes({ verify: async () => answers.wrong });
  const verify = (): Promise<Refusal | undefined> =>
    limit.verify({ sessionId: "s-1", passcode: "wrong", caller: "person a" });
  for (const _ of times(10)) await verify();
  const refusal = await verify();
  expect(refusal).toMatchObject({ reason: "TOO_MANY", what: "wrong_passcodes" });
  const retryAfterMs = refusal !== undefined && "retryAfterMs" in refusal && refusal.retryAfterMs;
  expect(retryAfterMs).toBeGreaterThan(0);
  expect(retryAfterMs).toBeLessThanOrEqual(60_000);
});
