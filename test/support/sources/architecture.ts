import { dirname, join, normalize } from "node:path/posix";

/** Texts of files by their path from the root of the project. */
export type Sources = ReadonlyMap<string, string>;

const storeMayImport: readonly string[] = [
  "src/core",
  "src/collections",
  "src/service/session-store.ts",
  "src/service/figures/fleet-counts.ts",
  "src/service/time/next-turn.ts",
  "src/service/time/clock.ts",
];

/** What every kind of store that keeps its sessions elsewhere has in common. */
const storeParts: readonly string[] = [
  ...storeMayImport,
  "src/store/codec",
  "src/store/change-listeners.ts",
  "src/store/store-cannot-open.ts",
];

/**
 * What each part of `src` may import from the other parts: a folder whole, or single files of it. A
 * folder inside of another is a part of its own where it stands here.
 * The server never sees the core, so that no door can grow its own rules; the client sees generated
 * code alone, since it ships to browsers.
 */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  "src/core": [],
  "src/collections": [],
  "src/budget": ["src/collections"],
  "src/service": ["src/core", "src/budget", "src/collections"],
  "src/store": [...storeMayImport, "src/service/figures/fleet-tally.ts", "src/store"],
  "src/store/codec": ["src/core"],
  "src/store/redis": storeParts,
  "src/store/sqlite": [...storeParts, "src/store/gap-log.ts", "src/store/session-index.ts"],
  "src/auth": ["src/core/ids.ts", "src/core/refusal.ts", "src/core/time.ts"],
  "src/settings": ["src/core/policy.ts"],
  "src/observe": [
    "src/budget",
    "src/core/event.ts",
    "src/core/ids.ts",
    "src/core/session.ts",
    "src/core/time.ts",
    "src/core/view.ts",
    "src/service/service-events.ts",
    "src/service/session-store.ts",
    "src/settings/traces-setting.ts",
  ],
  "src/api": ["src/core", "src/budget", "src/service", "src/auth", "src/gen"],
  "src/road": ["src/core", "src/service", "src/auth", "src/api/legacy"],
  "src/server": [
    "src/api",
    "src/budget",
    "src/collections",
    "src/auth",
    "src/observe",
    "src/settings",
    "src/gen",
    "src/files-read-anew.ts",
  ],
  "src/client": ["src/gen"],
  "src/cli": ["src/client", "src/gen", "src/command-line.ts"],
  "src/demo": ["src/client", "src/gen", "src/command-line.ts"],
  "src/deploy": ["src/settings"],
  "src/keys": ["src/auth", "src/command-line.ts"],
  "src/page": ["src/client", "src/gen"],
  "src/preflight": [
    "src/auth",
    "src/open-auth.ts",
    "src/server",
    "src/service/time/clock.ts",
    "src/settings",
    "src/store",
    "src/store-fault.ts",
  ],
  "src/app.ts": [
    "src/core",
    "src/budget",
    "src/service",
    "src/store",
    "src/auth",
    "src/api",
    "src/road",
    "src/server",
    "src/settings",
    "src/observe",
    "src/gen",
    "src/files-read-anew.ts",
    "src/give-memory-back.ts",
    "src/no-pretenuring.ts",
    "src/open-auth.ts",
    "src/open-files.ts",
    "src/readiness.ts",
    "src/running-app.ts",
    "src/store-fault.ts",
  ],
  "src/store-fault.ts": ["src/service/session-store.ts", "src/store"],
  "src/readiness.ts": [
    "src/auth/verification-keys.ts",
    "src/server/ops-door.ts",
    "src/service/session-service.ts",
  ],
  "src/running-app.ts": [
    "src/files-read-anew.ts",
    "src/observe",
    "src/server",
    "src/service",
    "src/settings",
  ],
  "src/files-read-anew.ts": ["src/observe"],
  "src/open-auth.ts": [
    "src/auth",
    "src/files-read-anew.ts",
    "src/observe",
    "src/service/time/clock.ts",
    "src/settings",
  ],
  "src/command-line.ts": [],
  "src/give-memory-back.ts": [],
  "src/no-pretenuring.ts": [],
  "src/open-files.ts": [],
  "src/main.ts": [
    "src/app.ts",
    "src/command-line.ts",
    "src/observe/log/printed.ts",
    "src/preflight",
    "src/settings",
  ],
};

/** Each import that goes against the direction, as `file imports file`. */
export function wrongImports(sources: Sources): readonly string[] {
  return ours(sources).flatMap(([path, text]) => {
    const part = partOf(path);
    const allowed = mayImport[part];
    if (allowed === undefined) return [`${path} is in no known part of src`];
    return importedFiles(path, text)
      .filter((target) => partOf(target) !== part || part.endsWith(".ts"))
      .filter((target) => !allowed.some((one) => target === one || target.startsWith(`${one}/`)))
      .map((target) => `${path} imports ${target}`);
  });
}

const ofNode = /from "(node:|@connectrpc\/connect-node"|[./]+\/node\.ts")/;

/** What needs Node in the core, or in the client beside its entry for Node. */
export function impureImports(sources: Sources): readonly string[] {
  return ours(sources)
    .filter(([path]) => ["src/core", "src/client"].includes(partOf(path)))
    .filter(([path]) => path !== "src/client/node.ts")
    .filter(([, text]) => ofNode.test(text))
    .map(([path]) => `${path} imports from Node`);
}

/** Files that no other file of `src` names, and that start no process and no page either. */
export function unusedFiles(sources: Sources, entries: readonly string[]): readonly string[] {
  const named = new Set(ours(sources).flatMap(([path, text]) => namedFiles(path, text)));
  return ours(sources)
    .map(([path]) => path)
    .filter((path) => !named.has(path) && !entries.includes(path))
    .map((path) => `${path} is imported by nothing`);
}

/** Entries: what the scripts, the command and the exports of package.json, the Dockerfile and the pages name. */
export function entriesOf(commands: string, pages: Sources): readonly string[] {
  const scripts = [...commands.matchAll(/(src\/[\w./-]+\.tsx?)/g)].map(([path]) => path);
  const exported = [...commands.matchAll(/"(?:\.\/)?dist\/([\w/-]+)\.js"/g)].map(
    ([, path]) => `src/${path}.ts`,
  );
  const modules = [...pages].flatMap(([path, html]) =>
    [...html.matchAll(/src="([^"]+\.tsx?)"/g)].map(([, src = ""]) => resolve(path, src)),
  );
  return [...scripts, ...exported, ...modules];
}

const clocks = /\b(Date\.now|Math\.random|performance\.now|setTimeout|setInterval)\b/;
const mayUseClocks = [
  "src/service/time/clock.ts",
  "src/service/id-source.ts",
  "src/client/calls/",
  "src/keys/",
  "src/demo/",
];

/** Time and chance that do not come from the clock or the id source. */
export function hiddenClocks(sources: Sources): readonly string[] {
  return ours(sources).flatMap(([path, text]) => {
    const found = clocks.exec(withoutComments(text))?.[1];
    const allowed = mayUseClocks.some((one) => path.startsWith(one));
    return found === undefined || allowed ? [] : [`${path} uses ${found}`];
  });
}

/** What somebody wanted to come back to. */
export function leftovers(sources: Sources): readonly string[] {
  return [...sources].flatMap(([path, text]) =>
    text
      .split("\n")
      .flatMap((line, index) =>
        /\b(TODO|FIXME|XXX)\b/.test(line) ? [`${path}:${index + 1}`] : [],
      ),
  );
}

function ours(sources: Sources): readonly (readonly [string, string])[] {
  return [...sources].filter(
    ([path]) => path.startsWith("src/") && !path.startsWith("src/gen/") && /\.tsx?$/.test(path),
  );
}

/** The innermost folder that the table knows, or the top-level one. */
function partOf(path: string): string {
  const names = path.split("/");
  const inner = names.slice(0, 3).join("/");
  return inner in mayImport ? inner : names.slice(0, 2).join("/");
}

/** Our own files that a file imports, statically or not. */
function importedFiles(path: string, text: string): readonly string[] {
  const imports = withoutComments(text).matchAll(/\b(?:from|import)\s*\(?\s*["'](\.[^"'\n]+)["']/g);
  return [...imports].map(([, specifier = ""]) => resolve(path, specifier));
}

/** Files that a file names by a relative path: imports, and scripts beside it that it starts. */
function namedFiles(path: string, text: string): readonly string[] {
  const specifiers = withoutComments(text).matchAll(
    /["']((?:\.{1,2}\/)?[\w./-]+\.(?:tsx?|js))["']/g,
  );
  return [...specifiers].map(([, specifier = ""]) => resolve(path, specifier));
}

function resolve(from: string, relative: string): string {
  return normalize(join(dirname(from), relative));
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

const waits = /\bvi\.wait(?:For|Until)\(/g;

/** Where a test waits no longer than vitest does by itself: a second, which a busy machine may take. */
export function hastyWaits(tests: Sources): readonly string[] {
  return [...tests].flatMap(([path, text]) =>
    [...text.matchAll(waits)]
      .filter(({ 0: call, index }) => argumentsFrom(text.slice(index + call.length)) < 2)
      .map(({ index }) => `${path}:${text.slice(0, index).split("\n").length}`),
  );
}

/** How many arguments there are, from the first one on. */
function argumentsFrom(text: string): number {
  const code = text.replace(/"(?:[^"\\\n]|\\.)*"/g, '""');
  let depth = 0;
  let commas = 0;
  for (const [index, character] of [...code].entries()) {
    if ("([{".includes(character)) depth += 1;
    else if (")]}".includes(character)) depth -= 1;
    else if (character === "," && depth === 0 && !/^,\s*\)/.test(code.slice(index))) commas += 1;
    if (depth < 0) break;
  }
  return commas + 1;
}
