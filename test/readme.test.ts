import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

import { describe, expect, it } from "vitest";

import { refusalsMarkdown } from "../src/api/refusal/error-mapping.ts";
import { budgetsMarkdown } from "../src/budget/budget-table.ts";
import { defaultPolicy } from "../src/core/policy.ts";
import { settingsMarkdown } from "../src/settings/settings-help.ts";
import { speedMarkdown } from "./bench/report/markdown.ts";
import type { Report } from "./bench/report/report.ts";
import { runService } from "./support/process/run-service.ts";

const root = join(import.meta.dirname, "..");
const protoFolder = join(root, "proto/beach/controller/v1");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const readme = read("README.md");
const pages = ["README.md", ...pagesUnder("src"), ...pagesUnder("test"), ...pagesUnder("proto")];

const guarantees = [
  ...["Held", "Undisturbed", "Overlapped", "Single", "Genuine", "Fenced", "Durable"],
  ...["Prompt", "Ordered", "Current", "Resumable", "Bounded"],
];

describe("The pages", () => {
  it.each([
    ["settings", "src/settings/README.md", settingsMarkdown],
    ["limits", "src/server/README.md", budgetsMarkdown],
    ["refusals", "src/server/README.md", refusalsMarkdown],
  ])("show the %s as the table in the code has them", (_what, page, table) => {
    expect(read(page)).toContain(table().trim());
  });

  it("link only to what exists", () => {
    const missing = pages.flatMap((page) =>
      linksIn(read(page))
        .filter(({ path }) => !existsSync(join(root, dirname(page), path)))
        .map(({ path }) => `${page}: ${path}`),
    );
    expect(missing).toEqual([]);
  });

  it("link only to headings that exist", () => {
    const missing = pages.flatMap((page) =>
      linksIn(read(page))
        .filter(({ path, anchor }) => anchor !== "" && path.endsWith(".md"))
        .filter(({ path, anchor }) => !anchorsIn(read(join(dirname(page), path))).has(anchor))
        .map(({ path, anchor }) => `${page}: ${path}#${anchor}`),
    );
    expect(missing).toEqual([]);
  });

  it("name each folder of the sources beside its neighbours", () => {
    const list = read("src/README.md");
    expect(foldersIn("src").filter((name) => !list.includes(`| [${name}](`))).toEqual(["gen"]);
    const unnamed = foldersIn("src")
      .filter((name) => name !== "gen")
      .flatMap((name) => foldersIn(`src/${name}`).map((inner) => ({ name, inner })))
      .filter(
        ({ name, inner }) => !new RegExp(`\`${inner}/?\``).test(read(`src/${name}/README.md`)),
      );
    expect(unnamed).toEqual([]);
  });

  it("name each file and folder beside them where they list the files", () => {
    const listing = pages.filter((page) => read(page).includes("\n## Files\n"));
    expect(listing).toContain("test/bench/README.md");
    const unnamed = listing.flatMap((page) => {
      const list = read(page).split("\n## Files\n")[1] ?? "";
      return readdirSync(join(root, dirname(page)))
        .filter((name) => /\.ts$|^[^.]*$/.test(name) && !name.endsWith(".test.ts"))
        .filter((name) => !new RegExp(`\`${name}/?\``).test(list))
        .map((name) => `${page}: ${name}`);
    });
    expect(unnamed).toEqual([]);
  });
});

describe("The README", () => {
  it("is read in one sitting", () => {
    expect(readme.split("\n").length).toBeLessThanOrEqual(200);
  });

  it("says each guarantee in the words of its checkers and of the contract", () => {
    const protos = readdirSync(protoFolder).map((name) => readFileSync(join(protoFolder, name)));
    const contract = inOneLine(protos.join("\n"));
    const rows = [...readme.matchAll(/^\| (?<name>[A-Z][a-z]+) \| (?<promise>[^|]+\.) \| \[/gm)];
    expect(rows.map(({ groups }) => groups?.name)).toEqual(guarantees);
    const otherwise = rows.flatMap(({ groups: { name = "", promise = "" } = {} }) => {
      const words = inOneLine(promise);
      const checkers = proofsOf(name).filter((path) => path.includes("/checkers/"));
      const silent = checkers.filter((path) => !inOneLine(read(path)).includes(words));
      const isInContract = contract.includes(`${name.toLowerCase()}: ${words}`);
      return [...silent, ...(isInContract ? [] : ["the contract"])].map((at) => `${name}: ${at}`);
    });
    expect(otherwise).toEqual([]);
  });

  it("shows the figures of the bench whose report is kept", () => {
    const path = "test/bench/results.json";
    const has = existsSync(join(root, path));
    const figures = has ? speedMarkdown(JSON.parse(read(path)) as Report) : "no figures";
    expect(readme.includes("## Speed")).toBe(has);
    if (has) expect(readme).toContain(figures);
  });

  it("leads from each guarantee to tests that carry its name", () => {
    const missing = guarantees.flatMap((name) =>
      proofsOf(name)
        .filter((path) => path.endsWith(".test.ts") && !isCarriedBy(path, name))
        .map((path) => `${name}: ${path}`),
    );
    expect(missing).toEqual([]);
    expect(guarantees.filter((name) => proofsOf(name).length < 2)).toEqual([]);
  });

  it("shows a renewal that works as it stands", async () => {
    await using service = await runService({ policy: defaultPolicy });
    const snippet = /```ts\n(?<code>[^`]+)```/.exec(readme)?.groups?.code ?? "";
    const printed: unknown[][] = [];
    await run(snippet, service.httpUrl(""), (...words) => printed.push(words));
    expect(printed).toMatchObject([
      ["send the host", expect.stringMatching(/^[0-9a-f-]{36}$/)],
      ["renew again after", expect.any(BigInt), "s"],
    ]);
  });
});

describe("The page on the client library", () => {
  it("shows a tile that works as it stands", async () => {
    await using service = await runService({ policy: defaultPolicy });
    const page = read("src/client/README.md");
    const snippet = /executed by[^\n]+\n```ts\n(?<code>[^`]+)```/.exec(page)?.groups?.code ?? "";
    const printed: unknown[][] = [];
    const here = snippet
      .replace('"controller-lease/client"', '"../src/client/index.ts"')
      .replace('"http://127.0.0.1:8090"', "baseUrl");
    await run(here, service.httpUrl(""), (...words) => printed.push(words));
    expect(printed).toEqual([
      ["actions carry", 43, "characters; state is", "held"],
      ["renewed:", "renegotiate"],
    ]);
  });
});

/** Without marks of comments and code, so that the same words compare as equal. */
function inOneLine(text: string): string {
  return text
    .replace(/^\s*(?:\/\/|\/?\*+\/?)/gm, "")
    .replaceAll("`", "")
    .replace(/\s+/g, " ")
    .toLowerCase();
}

interface Link {
  readonly path: string;
  readonly anchor: string;
}

/** Links of a page within the project. */
function linksIn(text: string): readonly Link[] {
  return [...text.matchAll(/\]\((?<path>[^)#:\s]+)(?:#(?<anchor>[^)]+))?\)/g)].map(
    ({ groups: { path = "", anchor = "" } = {} }) => ({ path, anchor }),
  );
}

/** Names that a page gives itself, and those that its headings get where it is shown. */
function anchorsIn(text: string): ReadonlySet<string> {
  const given = [...text.matchAll(/<a id="(?<id>[^"]+)">/g)].map((match) => match[1] ?? "");
  const headings = [...text.matchAll(/^#+ (?<words>.+)$/gm)].map((match) =>
    (match[1] ?? "")
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, "")
      .replaceAll(/\s/g, "-"),
  );
  return new Set([...given, ...headings]);
}

/** The checkers and tests of a guarantee, by the row that it has in the page on tests. */
function proofsOf(guarantee: string): readonly string[] {
  const page = read("test/README.md");
  const row = page.split("\n").find((line) => line.includes(`</a>${guarantee} |`)) ?? "";
  return linksIn(row).map(({ path }) => join("test", path));
}

function foldersIn(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

function pagesUnder(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .map((path) => join(folder, path));
}

/** A test whose name says which guarantee it shows. */
function isCarriedBy(path: string, guarantee: string): boolean {
  return new RegExp(`["\`][^"\`]*\\b${guarantee}\\b[^"\`]*["\`]`).test(
    readFileSync(join(root, path), "utf8"),
  );
}

/** Runs a snippet as a module beside the tests, with `baseUrl` and `console.log` given to it. */
async function run(
  snippet: string,
  baseUrl: string,
  log: (...words: unknown[]) => void,
): Promise<void> {
  const folder = mkdtempSync(join(import.meta.dirname, "readme-"));
  try {
    const [imports, body] = [snippet.split("\n\n")[0] ?? "", snippet.split("\n\n").slice(1)];
    const module = `${imports}\nexport async function main(baseUrl, console) {\n${body.join("\n\n")}\n}\n`;
    const file = join(folder, "snippet.mjs");
    writeFileSync(file, module.replaceAll('"../src/', '"../../src/'));
    const { main } = await import(pathToFileURL(file).href);
    await main(baseUrl, { log });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
