import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { exitCodeTable } from "../../src/cli/failure.ts";
import { runCli } from "./run-cli.ts";

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lease-cli-"));
  await writeFile(join(folder, "two-words"), "two words\n");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("--help explains each command, and has the table of exit codes", async () => {
  const { code, stdout, stderr } = await runCli(["revoke", "--help"]);
  expect([code, stderr]).toEqual([0, ""]);
  for (const name of ["sessions", "watch", "renegotiate", "revoke", "drain"]) {
    expect(stdout).toContain(`\n  ${name} `);
  }
  for (const [number, meaning] of exitCodeTable) {
    expect(stdout).toContain(`${String(number).padEnd(4)} ${meaning}`);
  }
});

test("--version is the package's", async () => {
  const { code, stdout } = await runCli(["--version"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

const wrong: readonly (readonly [args: string, complaint: string])[] = [
  ["", "the command is missing"],
  ["session", 'there is no command "session"'],
  ["constructor", 'there is no command "constructor"'],
  ["sessions --bogus", "Unknown option '--bogus'"],
  ["sessions s1", "Unexpected argument 's1'"],
  ["sessions --path webrtc", '--path is "webrtc": it must be one of pending, fast_path, http_f'],
  ["sessions --limit 0", '--limit is "0": it must be a whole number from 1 on'],
  ["sessions --address 127.0.0.1", '--address is "127.0.0.1": it must be host:port, or https://'],
  ["sessions --address ftp://a:1", '--address is "ftp://a:1": it must be host:port, or https://'],
  ["sessions --address https://a:1/x", '--address is "https://a:1/x": it must be host:port, or'],
  ["sessions --address http://a:1 --ca f", '--address is "http://a:1": with --ca or --cert it'],
  ["sessions --cert f", "--cert and --key belong together: give both"],
  ["sessions --timeout soon", '--timeout is "soon": it must be a duration, as 30s, 10m or 2h'],
  ["sessions --timeout 0", "--timeout is 0: it must be longer"],
  ["watch", "name the sessions, or a beach by --beach"],
  ["watch s1 --beach b", "sessions or --beach, and not both"],
  ["renegotiate --yes", "the session is missing"],
  ["revoke s1 s2 --yes", 'one session at a time: "s2" is too many'],
  ["revoke s1 --yes --hold 25h", '--hold is "25h": it may be up to 24h'],
  ["drain now --yes", "Unexpected argument 'now'"],
  ["drain --yes --ops nowhere", '--ops is "nowhere": it must be host:port'],
];

test.each(wrong)("%s: refused in a line, with 64", async (args, complaint) => {
  const { code, stdout, stderr } = await runCli(args.split(" ").filter((arg) => arg !== ""));
  expect([code, stdout]).toEqual([64, ""]);
  expect(stderr.startsWith(`controller-lease: ${complaint}`)).toBe(true);
  expect(stderr).toMatch(/: controller-lease --help lists the options\n$/);
  expect(stderr.split("\n")).toHaveLength(2);
});

test("a file that cannot be read, or holds no bearer, is named", async () => {
  const missing = join(folder, "missing");
  const twoWords = join(folder, "two-words");
  const files: readonly (readonly [option: string, path: string, complaint: string])[] = [
    ["--bearer-file", missing, `--bearer-file ${missing} cannot be read (ENOENT)`],
    ["--ca", missing, `--ca ${missing} cannot be read (ENOENT)`],
    ["--bearer-file", twoWords, `${twoWords} holds no bearer: it must be one token without spaces`],
  ];
  for (const [option, path, complaint] of files) {
    expect(await runCli(["sessions", option, path])).toEqual({
      code: 64,
      stdout: "",
      stderr: `controller-lease: ${complaint}\n`,
    });
  }
});
