import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { describe, expect, it } from "vitest";

import { budgetsMarkdown } from "../src/budget/budget-table.ts";
import { defaultPolicy } from "../src/core/policy.ts";
import { settingsMarkdown } from "../src/settings/settings-help.ts";
import { runService } from "./support/run-service.ts";

const root = join(import.meta.dirname, "..");
const protoFolder = join(root, "proto/beach/controller/v1");
const readme = readFileSync(join(root, "README.md"), "utf8");

const guarantees = [
  ...["Held", "Undisturbed", "Overlapped", "Single", "Genuine", "Fenced", "Durable"],
  ...["Prompt", "Ordered", "Current", "Resumable", "Bounded"],
];

describe("The README", () => {
  it("shows the settings as the table in the code has them", () => {
    expect(readme).toContain(settingsMarkdown().trim());
  });

  it("shows the limits as the table in the code has them", () => {
    expect(readme).toContain(budgetsMarkdown().trim());
  });

  it("links only to what exists", () => {
    expect(linksIn(readme).filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it("links each guarantee to tests that carry its name", () => {
    const rows = readme.matchAll(/^\| (?<name>[A-Z][a-z]+) \| .+ \| (?<tests>\[.+) \|$/gm);
    const missing = [...rows].flatMap(({ groups }) =>
      linksIn(groups?.tests ?? "")
        .filter((path) => !isCarriedBy(path, groups?.name ?? ""))
        .map((path) => `${groups?.name}: ${path}`),
    );
    expect(missing).toEqual([]);
    expect(guarantees.filter((name) => !readme.includes(`| ${name} |`))).toEqual([]);
  });

  it("says each guarantee in the words of its checkers and of the contract", () => {
    const protos = readdirSync(protoFolder).map((name) => readFileSync(join(protoFolder, name)));
    const contract = inOneLine(protos.join("\n"));
    const rows = [
      ...readme.matchAll(/^\| (?<name>[A-Z][a-z]+) \| (?<promise>[^|]+\.) \| (?<checkers>\[.+)$/gm),
    ];
    expect(rows.map(({ groups }) => groups?.name)).toEqual(guarantees);
    const missing = rows.flatMap(({ groups }) => {
      const [name = "", promise = ""] = [groups?.name, inOneLine(groups?.promise ?? "")];
      const checkers = linksIn(groups?.checkers ?? "").filter((path) => /\/checkers\//.test(path));
      const otherwise = checkers.filter(
        (path) => !inOneLine(readFileSync(join(root, path), "utf8")).includes(promise),
      );
      const isInContract = contract.includes(`${name.toLowerCase()}: ${promise}`);
      return [...otherwise, ...(isInContract ? [] : ["the contract"])].map(
        (at) => `${name}: ${at}`,
      );
    });
    expect(missing).toEqual([]);
  });

  it("names every folder of the sources", () => {
    const folders = readdirSync(join(root, "src"), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `src/${entry.name}`);
    expect(folders.filter((folder) => !readme.includes(folder))).toEqual([]);
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

/** Without marks of comments and code, so that the same words compare as equal. */
function inOneLine(text: string): string {
  return text
    .replace(/^\s*(?:\/\/|\/?\*+\/?)/gm, "")
    .replaceAll("`", "")
    .replace(/\s+/g, " ")
    .toLowerCase();
}

function linksIn(text: string): string[] {
  return [...text.matchAll(/\]\((?<path>[^)#:]+)\)/g)].map((match) => match[1] ?? "");
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
