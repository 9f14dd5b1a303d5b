import { expect, test } from "vitest";

import { SharedText } from "../../src/observe/metrics/shared-text.ts";

/** A text that is made when the test says so, as often as it lets. */
function textOf(): Readonly<{
  text: SharedText;
  made: PromiseWithResolvers<string>[];
  rests: PromiseWithResolvers<void>[];
}> {
  const made: PromiseWithResolvers<string>[] = [];
  const rests: PromiseWithResolvers<void>[] = [];
  const text = new SharedText(
    () => begun(made),
    () => begun(rests),
  );
  return { text, made, rests };
}

function begun<T>(all: PromiseWithResolvers<T>[]): Promise<T> {
  const one = Promise.withResolvers<T>();
  all.push(one);
  return one.promise;
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("all who ask while a text is being made share the one after it", async () => {
  const { text, made, rests } = textOf();
  const first = text.get();
  rests[0]?.resolve();
  const others = Array.from({ length: 30 }, () => text.get());
  await settled();
  expect(made).toHaveLength(1);
  made[0]?.resolve("before");
  expect(String(await first)).toBe("before");
  await settled();
  expect(made).toHaveLength(2);
  made[1]?.resolve("after");
  for (const other of await Promise.all(others)) expect(String(other)).toBe("after");
});

test("all who ask soon after a text was made share the next, which is not made before its time", async () => {
  const { text, made, rests } = textOf();
  const first = text.get();
  made[0]?.resolve("before");
  await first;
  const others = [text.get(), text.get()];
  await settled();
  expect(made).toHaveLength(1);
  rests[0]?.resolve();
  await settled();
  expect(made).toHaveLength(2);
  made[1]?.resolve("after");
  for (const other of await Promise.all(others)) expect(String(other)).toBe("after");
});

test("a text that could not be made fails those alone who share it", async () => {
  const { text, made, rests } = textOf();
  const first = text.get();
  const second = text.get();
  rests[0]?.resolve();
  made[0]?.reject(new Error("no"));
  await expect(first).rejects.toThrow("no");
  await settled();
  expect(made).toHaveLength(2);
  made[1]?.resolve("yes");
  expect(String(await second)).toBe("yes");
});
