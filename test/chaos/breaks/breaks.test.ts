import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { describe, expect, it, test } from "vitest";

import { edited } from "../../support/sources/edit.ts";
import { breakNamed, breaks, preloadOf } from "./breaks.ts";

const sources = new URL("../../../src/", import.meta.url);

describe("a break of the service finds its place, and leaves a source that can be read", () => {
  test.each(breaks)("$name", async ({ edits }) => {
    for (const edit of edits) {
      const broken = edited(await readFile(new URL(edit.file, sources), "utf8"), edit);
      expect(() => stripTypeScriptTypes(broken)).not.toThrow();
    }
  });
});

describe("breaks of the service", () => {
  it("go by names of their own", () => {
    const names = breaks.map(({ name }) => name);
    expect(names).toEqual([...new Set(names)]);
  });

  it("are in what a process loads that is to be broken, and in no other", () => {
    const tokens = new URL("service/controller-tokens.ts", sources).href;
    const print = `import { controllerTokens } from "${tokens}";
      console.log(controllerTokens(Buffer.from("key")).of("lease", []));`;
    const tokenOf = (...args: readonly string[]): string =>
      execFileSync(process.execPath, [...args, "--input-type=module", "--eval", print], {
        encoding: "utf8",
      });
    expect(tokenOf()).toBe(tokenOf());
    expect(tokenOf("--import", preloadOf(breakNamed("token-key-per-process")))).not.toBe(tokenOf());
  });
});
