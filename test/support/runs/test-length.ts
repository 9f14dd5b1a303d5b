import { readEnv } from "../../../src/settings/read-env.ts";

/**
 * How long the tests take that find more the longer they go on. Short ones let `npm test` be over
 * soon; `.ci/run` asks for long ones with TEST_LENGTH=long.
 */
export type TestLength = "short" | "long";

export const testLength: TestLength = lengthNamed(readEnv().TEST_LENGTH);

export function byLength<Value>(values: Readonly<Record<TestLength, Value>>): Value {
  return values[testLength];
}

function lengthNamed(name = "short"): TestLength {
  if (name === "short" || name === "long") return name;
  throw new Error(`TEST_LENGTH is "${name}": it must be short or long`);
}
