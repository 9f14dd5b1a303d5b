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

test("-h explains also beside -y, and nothing is done", async () => {
  for (const word of ["-h", "-yh", "-hy"]) {
    const { code, stdout } = await runCli(["drain", "--ops", "127.0.0.1:1", word]);
    expect([code, stdout]).toEqual([0, expect.stringContaining("Commands:")]);
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
  ["sessions --timeout 0", '--timeout is "0": it must be longer than 0 and up to 24h'],
  ["sessions --timeout 25h", '--timeout is "25h": it must be longer than 0 and up to 24h'],
  ["sessions --address a?b:1", '--address is "a?b:1": it must be host:port, or https://host:p'],
  ["sessions --address a:0", '--address is "a:0": it must be host:port, or https://host:port'],
  ["watch", "name the sessions, or a beach by --beach"],
  ["watch s1 --beach b", "sessions or --beach, and not both"],
  ["renegotiate --yes", "the session is missing"],
  ["revoke s1 s2 --yes", 'one session at a time: "s2" is too many'],
  ["revoke s1 --yes --hold 25h", '--hold is "25h": it may be up to 24h'],
  ["drain now --yes", "Unexpected argument 'now'"],
  ["drain --yes --timeout 0s", '--timeout is "0s": it must be longer than 0 and up to 24h'],
  ["drain --yes --timeout=-5s", '--timeout is "-5s": it must be a duration, as 30s, 10m or 2h'],
  ["drain --yes --timeout 9999h", '--timeout is "9999h": it must be longer than 0 and up to 24h'],
  ...[
    "nowhere",
    "https://a:1",
    "http://a:1",
    "user@a:1",
    "a/b:1",
    "a?b:1",
    "a#b:1",
    "a\\b:1",
    "a:70000",
    "a:0",
    "::1:9464",
    "[::1]9464",
  ].map((ops) => [`drain --yes --ops ${ops}`, `--ops is "${ops}": it must be host:port`] as const),
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
  const unread = "cannot be read (ENOENT): name a file that you may read";
  const files: readonly (readonly [option: string, path: string, complaint: string])[] = [
    ["--bearer-file", missing, `--bearer-file ${missing} ${unread}`],
    ["--ca", missing, `--ca ${missing} ${unread}`],
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
