import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import {
  entriesOf,
  hastyWaits,
  hiddenClocks,
  impureImports,
  leftovers,
  type Sources,
  unusedFiles,
  wrongImports,
} from "./support/sources/architecture.ts";

const root = join(import.meta.dirname, "..");

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

function readAll(folders: readonly string[], endings: RegExp): Sources {
  const paths = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .map((path) => `${folder}/${path}`)
      .filter((path) => endings.test(path) && !path.includes("node_modules")),
  );
  return new Map(paths.map((path) => [path, read(path)]));
}

const code = /\.(tsx?|js|css|proto)$/;

describe("the sources", () => {
  const sources = readAll(["src"], code);
  const pages = readAll(["src"], /\.html$/);

  test("are there to be looked at", () => {
    expect(sources.has("src/core/decide.ts")).toBe(true);
    expect(sources.size).toBeGreaterThan(50);
  });

  test("import only in the direction that the layout says", () => {
    expect([...wrongImports(sources), ...impureImports(sources)]).toEqual([]);
  });

  test("are all used: each file is imported, or starts a process or a page", () => {
    const commands = `${read("package.json")}${read("src/deploy/Dockerfile")}`;
    expect(unusedFiles(sources, entriesOf(commands, pages))).toEqual([]);
  });

  test("read time and chance only in the files that provide them", () => {
    expect(hiddenClocks(sources)).toEqual([]);
  });

  test("leave nothing to be done later, and neither do the tests", () => {
    const tests = readAll(["test"], code);
    const written = [...sources, ...tests, ...readAll(["proto"], code)];
    const others = written.filter(([path]) => !/architecture(\.test)?\.ts$/.test(path));
    expect(leftovers(new Map(others))).toEqual([]);
  });

  test("have tests that wait as long as a busy machine takes", () => {
    const tests = [...readAll(["test"], code)];
    const others = tests.filter(([path]) => !/architecture(\.test)?\.ts$/.test(path));
    expect(hastyWaits(new Map(others))).toEqual([]);
  });
});

describe("a planted fault is found:", () => {
  const clean: Sources = new Map([
    ["src/main.ts", 'import { app } from "./app.ts";\n'],
    ["src/app.ts", 'import { door } from "./server/door.ts";\nimport "./core/decide.ts";\n'],
    ["src/server/door.ts", 'import type { Api } from "../api/api.ts";\n'],
    ["src/api/api.ts", 'import { decide } from "../core/decide.ts";\n// Not Date.now() here.\n'],
    ["src/core/decide.ts", 'import { at } from "./time.ts";\n'],
    ["src/core/time.ts", "export const at = 0;\n"],
    ["src/page/main.ts", 'const worker = new URL("./worker.ts", import.meta.url);\n'],
    ["src/page/worker.ts", 'fork("child.ts");\n'],
    ["src/page/child.ts", 'spawn(join(here, "../main.ts"));\n'],
  ]);
  const entries = entriesOf(
    '"start": "node src/main.ts"',
    new Map([["src/page/index.html", '<script type="module" src="./main.ts"></script>']]),
  );

  const planted = (path: string, text: string): Sources =>
    new Map([...clean, [path, `${clean.get(path) ?? ""}${text}`]]);

  test("nothing in sources that are clean", () => {
    expect(wrongImports(clean)).toEqual([]);
    expect(impureImports(clean)).toEqual([]);
    expect(unusedFiles(clean, entries)).toEqual([]);
    expect(hiddenClocks(clean)).toEqual([]);
    expect(leftovers(clean)).toEqual([]);
  });

  const imports: readonly [path: string, text: string, fault: string][] = [
    [
      "src/server/door.ts",
      'import "../core/time.ts";',
      "src/server/door.ts imports src/core/time.ts",
    ],
    [
      "src/core/time.ts",
      'export { a } from "../api/api.ts";',
      "src/core/time.ts imports src/api/api.ts",
    ],
    [
      "src/core/time.ts",
      'await import("../gen/a_pb.js");',
      "src/core/time.ts imports src/gen/a_pb.js",
    ],
    ["src/main.ts", 'import "./core/time.ts";', "src/main.ts imports src/core/time.ts"],
    ["src/app.ts", 'import "./page/main.ts";', "src/app.ts imports src/page/main.ts"],
    ["src/client/a.ts", 'import "../core/time.ts";', "src/client/a.ts imports src/core/time.ts"],
    ["src/store/a.ts", 'import "../service/x.ts";', "src/store/a.ts imports src/service/x.ts"],
    [
      "src/store/redis/a.ts",
      'import "../sqlite/x.ts";',
      "src/store/redis/a.ts imports src/store/sqlite/x.ts",
    ],
    [
      "src/store/codec/a.ts",
      'import "../gap-log.ts";',
      "src/store/codec/a.ts imports src/store/gap-log.ts",
    ],
    ["src/utils/a.ts", "", "src/utils/a.ts is in no known part of src"],
  ];
  test.each(imports)("in %s, %s", (path, text, fault) => {
    expect(wrongImports(planted(path, text))).toEqual([fault]);
  });

  test("a core that reaches for Node", () => {
    expect(
      impureImports(planted("src/core/time.ts", 'import "x";\nimport a from "node:fs";')),
    ).toEqual(["src/core/time.ts imports from Node"]);
  });

  test.each(["node:http", "@connectrpc/connect-node", "../node.ts"])(
    "a client for browsers that imports %s",
    (module) => {
      const text = `import { a } from "${module}";`;
      expect(impureImports(planted("src/client/tile/a.ts", text))).toEqual([
        "src/client/tile/a.ts imports from Node",
      ]);
      expect(impureImports(planted("src/client/node.ts", text))).toEqual([]);
    },
  );

  test("a test that waits for a second alone", () => {
    const hasty = "await vi.waitFor(() => {\n  expect(a(1, 2)).toBe(3);\n});\n";
    const patient = "await vi.waitUntil(\n  async () => (await a()) > 1,\n  patient,\n);\n";
    expect(hastyWaits(new Map([["test/a.test.ts", `${patient}${hasty}`]]))).toEqual([
      "test/a.test.ts:5",
    ]);
  });

  test("a file that nothing imports", () => {
    expect(unusedFiles(planted("src/api/old.ts", ""), entries)).toEqual([
      "src/api/old.ts is imported by nothing",
    ]);
  });

  const clocks = [
    "Date.now()",
    "Math.random()",
    "performance.now()",
    "setTimeout(f)",
    "setInterval(f)",
  ];
  test.each(clocks)("time or chance by %s", (call) => {
    const name = call.replace(/\(.*/, "");
    expect(hiddenClocks(planted("src/api/api.ts", call))).toEqual([`src/api/api.ts uses ${name}`]);
    expect(hiddenClocks(planted("src/service/time/clock.ts", call))).toEqual([]);
    expect(hiddenClocks(planted("src/client/tile/a.ts", call))).toHaveLength(1);
  });

  test.each(["TODO", "FIXME"])("a %s", (word) => {
    expect(leftovers(planted("src/core/time.ts", `// ${word}: later`))).toEqual([
      "src/core/time.ts:2",
    ]);
  });
});
