import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, expect, test } from "vitest";

import { readEnv } from "../../../src/settings/read-env.ts";
import { runService } from "../../support/process/run-service.ts";

// What a dashboard developer and people on call get: the package is packed, and installed into an empty folder.

const root = join(import.meta.dirname, "../../..");
const run = promisify(execFile);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lease-package-"));
  await run("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: root });
  const [packed = ""] = (await readdir(folder)).filter((name) => name.endsWith(".tgz"));
  await write("package.json", JSON.stringify({ name: "dashboard", private: true, type: "module" }));
  const quietly = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"];
  await run("npm", ["install", ...quietly, `./${packed}`], { cwd: folder });
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

const entries = ["client", "client/contract", "client/host", "client/manager", "client/node"];

test("each entry is imported by its name", async () => {
  const imports = entries.map((entry) => `import "controller-lease/${entry}";`);
  const names = 'import * as client from "controller-lease/client";';
  const print = "console.log(Object.keys(client).sort().join());";
  const file = await write("import.mjs", [...imports, names, print].join("\n"));
  const { stdout } = await run(process.execPath, [file], { cwd: folder });
  expect(stdout).toContain("createLeaseClient");
});

test("a tile takes and gives back a lease, on the Node that npm runs on", async () => {
  await using service = await runService();
  const file = await write(
    "tile.mjs",
    `import { createLeaseClient } from "controller-lease/client";
const client = createLeaseClient({ baseUrl: process.argv[2] });
const tile = client.hold({ sessionId: "session-1", privateBeachId: "beach-1", passcode: "1234" });
const { leaseId } = await tile.held();
await tile.release();
console.log("held", leaseId);
`,
  );
  const node = readEnv().npm_node_execpath ?? process.execPath;
  const { stdout } = await run(node, [file, service.httpUrl("")], { cwd: folder });
  expect(stdout).toMatch(/^held ./);
});

test("its command runs by its name, on the Node that npm runs on", async () => {
  await using service = await runService();
  await service.registry.attachSession({ sessionId: "session-1", privateBeachId: "beach-1" });
  const node = readEnv().npm_node_execpath ?? process.execPath;
  const command = join(folder, "node_modules/.bin/controller-lease");
  const args = ["sessions", "--json", "--address", service.addresses.grpc];
  const { stdout } = await run(node, [command, ...args], { cwd: folder });
  expect(JSON.parse(stdout)).toMatchObject({ session: "session-1", path: "pending" });
  const named = await run("npx", ["--no-install", "controller-lease", ...args], { cwd: folder });
  expect(JSON.parse(named.stdout)).toMatchObject({ session: "session-1" });
});

test("the entry for React is there, and React is the application's own", async () => {
  const file = await write("react.mjs", 'import "controller-lease/client/react";');
  await expect(run(process.execPath, [file], { cwd: folder })).rejects.toThrow(
    "Cannot find package 'react'",
  );
  await expect(readFile(join(folder, "node_modules/react/package.json"))).rejects.toThrow("ENOENT");
});

test("the snippets of the page on it are right for the compiler", async () => {
  const page = await readFile(join(root, "src/client/README.md"), "utf8");
  const snippets = [...page.matchAll(/```(tsx?)\n([^`]+)```/g)];
  expect(snippets.length).toBeGreaterThanOrEqual(5);
  const files = await Promise.all(
    snippets.map(async ([, kind, code = ""], index) => {
      const name = `snippet-${index}.${kind}`;
      await write(name, code);
      return name;
    }),
  );
  const react = join(root, "node_modules/@types/react");
  await compile(files, {
    jsx: "react-jsx",
    skipLibCheck: true,
    paths: { react: [react], "react/jsx-runtime": [join(react, "jsx-runtime")] },
  });
});

test("its types hold in a program for browsers that knows nothing of Node", async () => {
  await write(
    "dashboard.ts",
    `import { createLeaseClient, type TileLeaseState } from "controller-lease/client";
import { TransportPath } from "controller-lease/client/contract";

const client = createLeaseClient({ baseUrl: location.origin, bearer: async () => "bearer" });
const tile = client.hold({ sessionId: "session-1", onRelay: ({ offer }) => offer.handshakeId });
export const isFast: boolean = tile.transport?.path === TransportPath.FAST_PATH;
export const state: TileLeaseState = tile.state;
// @ts-expect-error: a state that does not exist
export const wrong: boolean = tile.state.kind === "sleeping";
`,
  );
  await compile(["dashboard.ts"]);
});

/** Compiles files in the folder as a dashboard would; rejects with what the compiler says. */
async function compile(files: readonly string[], options: object = {}): Promise<void> {
  const compilerOptions = {
    strict: true,
    noEmit: true,
    exactOptionalPropertyTypes: true,
    module: "esnext",
    moduleResolution: "bundler",
    target: "es2024",
    lib: ["es2024", "esnext.disposable", "dom"],
    types: [],
    ...options,
  };
  const project = await write("tsconfig.json", JSON.stringify({ compilerOptions, files }));
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const said = await run(process.execPath, [tsc, "-p", project]).then(
    ({ stdout }) => stdout,
    (error: { readonly stdout: string }) => error.stdout,
  );
  expect(said).toBe("");
}
