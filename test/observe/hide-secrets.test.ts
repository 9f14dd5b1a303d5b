import { expect, test } from "vitest";

import { hideSecrets } from "../../src/observe/log/hide-secrets.ts";
import { createLogger } from "../../src/observe/log/logger.ts";

/** What the log writes of these values. */
function lineOf(values: object): Record<string, unknown> {
  const lines: string[] = [];
  const stream = { write: (line: string) => void lines.push(line) };
  createLogger("info", { kind: "stream", stream }).info(values, "said");
  return JSON.parse(lines.join(""));
}

const secret = "nobody-may-read";

test.each([
  [{ token: secret }],
  [{ call: { authorization: secret } }],
  [{ call: { headers: { authorization: secret } } }],
  [{ calls: [{ passcode: secret }, { passcode: secret }] }],
  [{ lease: { tokenHashes: [secret] } }],
  [{ err: Object.assign(new Error("failed"), { controllerToken: secret }) }],
  [{ err: Object.assign(new Error("failed"), { call: { attach_code: secret } }) }],
  [Object.assign(new Error("failed"), { tokenHash: secret })],
  [{ error: Object.assign(new Error("failed"), { token: secret }) }],
  [{ call: { err: Object.assign(new Error("failed"), { token: secret }) } }],
])("no line shows a secret, wherever it is: %j", (values) => {
  const line = lineOf(values);
  expect(JSON.stringify(line)).not.toContain(secret);
  expect(line).toMatchObject({ msg: "said" });
});

test("a line shows the rest, and leaves the values as they are", () => {
  const values = { call: { token: secret, session: "s1" }, list: [1, { a: 2 }], none: null };
  const { call, list, none } = lineOf(values);
  expect({ call, list, none }).toEqual({
    call: { token: "[Redacted]", session: "s1" },
    list: [1, { a: 2 }],
    none: null,
  });
  expect(values.call.token).toBe(secret);
});

test("an error is written with what it says and where it is from", () => {
  const { err } = lineOf({ err: Object.assign(new Error("failed"), { token: secret, code: "E" }) });
  expect(err).toMatchObject({ message: "failed", code: "E", stack: expect.any(String) });
});

test("values without a secret are not copied", () => {
  const values = { session: "s1", from: { path: "active" } };
  expect(hideSecrets(values)).toBe(values);
});
