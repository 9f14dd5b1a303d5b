import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";

import { expect, test } from "vitest";

import { readEnv } from "../../../src/settings/read-env.ts";
import { testLength } from "../../support/runs/test-length.ts";
import { storeFolder } from "../../support/store/store-files.ts";

const root = join(import.meta.dirname, "../../..");

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

async function run({ file, args, cwd, env = {} }: Command): Promise<Outcome> {
  const child = spawn(file, args, { cwd, env: { ...readEnv(), ...env } });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => {
    stdout += text;
  });
  child.stderr.on("data", (text) => {
    stderr += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
}

test("an older Node prints one sentence that says what is needed", async () => {
  const older = "Object.defineProperty(process.versions, 'node', { value: '20.11.1' })";
  const preload = `--import=data:text/javascript,${encodeURIComponent(older)}`;
  const { code, stdout, stderr } = await run({
    file: process.execPath,
    args: [preload, "src/start.js", "src/main.ts"],
    cwd: root,
  });
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(
    /^controller-lease: Node 24 or newer is needed, and this is 20\.11\.1: .*\n$/,
  );
});

test("a package that is not installed is named, with the remedy", async () => {
  await using folder = await storeFolder();
  mkdirSync(join(folder.path, "src"));
  copyFileSync(join(root, "src/start.js"), join(folder.path, "src/start.js"));
  writeFileSync(join(folder.path, "package.json"), '{"type":"module"}');
  writeFileSync(join(folder.path, "src/main.ts"), 'import "not-installed/part";');
  const args = ["src/start.js", "src/main.ts"];
  const { code, stderr } = await run({ file: process.execPath, args, cwd: folder.path });
  expect(code).toBe(1);
  expect(stderr).toBe("controller-lease: the package not-installed is not installed: run npm ci\n");
});

test("each of our commands has an older Node say what is missing", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Readonly<Record<string, string>>;
  };
  const own = Object.values(scripts).filter((script) =>
    /^(exec )?node src\/\S+\.ts\b| src\/start\.js /.test(script),
  );
  expect(own.length).toBeGreaterThan(2);
  expect(own.filter((script) => !script.startsWith("exec node src/start.js src/"))).toEqual([]);
});

test("options reach the service, and a bug at the start is shown as it is", async () => {
  const args = ["src/start.js", "src/main.ts", "--bogus"];
  const { code, stderr } = await run({ file: process.execPath, args, cwd: root });
  expect([code, stderr]).toEqual([
    64,
    "controller-lease: Unknown option '--bogus': npm start -- --help lists the options\n",
  ]);
});

test("what the service imports is installed without what developers need, and so is its Node", () => {
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    dependencies: Readonly<Record<string, string>>;
  };
  const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" });
  const served = files.filter(
    (path) => /\.(ts|js)$/.test(path) && !/^(demo|page|client\/react)/.test(path),
  );
  expect(served.length).toBeGreaterThan(100);
  const imported = new Set(served.flatMap((path) => packagesIn(join(root, "src", path))));
  expect([...imported].filter((name) => !(name in dependencies))).toEqual([]);
  expect(dependencies).toHaveProperty("node");
});

function packagesIn(path: string): readonly string[] {
  const imports = readFileSync(path, "utf8").matchAll(
    /^(?:import "|(?:import|export) [^"]*? from "|\} from ")([^".][^"]*)";$/gm,
  );
  return [...imports]
    .map(([, specifier = ""]) => specifier)
    .filter((specifier) => !isBuiltin(specifier))
    .map((specifier) => /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier);
}

test.runIf(testLength === "long")(
  "a production install of a clone starts by npm start",
  async () => {
    await using folder = await storeFolder();
    const cwd = join(folder.path, "clone");
    execFileSync("git", ["clone", "--quiet", "--no-hardlinks", root, cwd]);
    const env = { NODE_ENV: "production" };
    const installed = await run({
      file: "npm",
      args: ["ci", "--no-audit", "--no-fund"],
      cwd,
      env,
    });
    expect(installed.code, installed.stderr).toBe(0);
    const shown = await run({ file: "npm", args: ["start", "--silent", "--", "--help"], cwd, env });
    expect([shown.code, shown.stderr]).toEqual([0, ""]);
    expect(shown.stdout).toContain("LEASE_STORE_URL");
  },
);
