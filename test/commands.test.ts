import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly scripts: Readonly<Record<string, string>>;
};

interface Ended {
  readonly code: unknown;
  readonly stdout: string;
  readonly complaints: readonly string[];
}

/** What `npm run <name>` starts, without the time that npm takes. */
function run(name: string, arg: string): Promise<Ended> {
  const script = scripts[name] ?? expect.fail(`no script ${name}`);
  const files = script.replace(/^(exec )?node /, "").split(" ");
  return new Promise((resolve) => {
    execFile(process.execPath, [...files, arg], { cwd: root }, (error, stdout, stderr) => {
      const lines = stderr.trimEnd().split("\n");
      // Where this machine has no Redis, that is said as well.
      const complaints = lines.filter((line) => line !== "" && !line.startsWith("skipping "));
      resolve({ code: error === null ? 0 : error.code, stdout, complaints });
    });
  });
}

const names = [
  "simulate",
  "bench",
  "store-writes",
  "watch-size",
  "walk",
  "crash",
  "chaos",
  "hostile",
  "fuzz",
  "soak",
  "drain",
  "keys",
];

test.each(names)("npm run %s -- --help explains the command", async (name) => {
  const { code, stdout, complaints } = await run(name, "--help");
  expect({ code, complaints }).toEqual({ code: 0, complaints: [] });
  expect(stdout).toContain(`npm run ${name}`);
});

type Wrong = readonly [name: string, arg: string, complaint: string];

const wrong: readonly Wrong[] = [
  ...names.map((name): Wrong => [name, "--bogus", "Unknown option '--bogus'"]),
  ["walk", "twice", "Unexpected argument 'twice'"],
  ["simulate", "--seconds=x", '--seconds is "x": it must be a number from 0 on'],
  ["simulate", "--seed=-1", '--seed is "-1": it must be a whole number from 0 on'],
  ["bench", "--quick=1", "Option '--quick' does not take an argument"],
  [
    "bench",
    "--only=unary,all",
    '--only is "unary,all": it must be names of parts, with commas between them: unary, streams, connect, latency, watch, sessions, redis, growth',
  ],
  ["store-writes", "--sessions=few", '--sessions is "few": it must be a whole number from 2000 on'],
  ["watch-size", "--streams=", '--streams is "": it must be a whole number from 1000 on'],
  ["crash", "--runs=1.5", '--runs is "1.5": it must be a whole number from 1 on'],
  ["hostile", "--seconds=0", '--seconds is "0": it must be a number above 0'],
  ["keys", "--life=soon", '--life is "soon": it must be a duration above 0, as 300s, 30m or 8h'],
  ["keys", "--beach=b", "--out is missing"],
  ["fuzz", "--seed=x", '--seed is "x": it must be a whole number from 0 on'],
  ["soak", "--minutes=0", '--minutes is "0": it must be a number above 0'],
  ["drain", "--streams=1", '--streams is "1": it must be a whole number from 2 on'],
  ["chaos", "--minutes=0", '--minutes is "0": it must be a number above 0'],
  ["chaos", "--break=none", '--break is "none": it must be one of those that the help lists'],
];

test.each(wrong)("npm run %s -- %s is refused in a line", async (name, arg, complaint) => {
  expect(await run(name, arg)).toEqual({
    code: 64,
    stdout: "",
    complaints: [`${name}: ${complaint}: npm run ${name} -- --help lists the options`],
  });
});
