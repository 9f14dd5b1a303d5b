import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import axe from "axe-core";
import type { BrowserContext, Locator, Page } from "playwright-core";
import { build } from "vite";

const source = join(import.meta.dirname, "../../../src/page");

/** The operators' page, built into a folder of its own. */
export async function buildPage(): Promise<AsyncDisposable & { readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), "lease-operators-page-"));
  const configFile = join(source, "vite.config.ts");
  await build({ configFile, logLevel: "error", build: { outDir: folder } });
  return {
    folder,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The page in a tab, and what the browser complained of. */
export interface OpenedPage {
  readonly tab: Page;
  /** Errors on the console, thrown ones, and what the content security policy refused. */
  readonly complaints: readonly string[];
  session(sessionId: string): Locator;
  /** Where a session's row says that it is on that path. */
  path(sessionId: string, name: "Fast path" | "HTTP fallback" | "Pending"): Locator;
  /** How many findings of axe-core are serious or critical, each in a line. */
  seriousFindings(): Promise<readonly string[]>;
}

/** What browsers print when a service is away, or does not take a bearer: none of the page's doing. */
const failedLoad =
  /^Failed to load resource: (net::ERR_|the server responded with a status of 40[13])/;

export async function openPage(context: BrowserContext, url: string): Promise<OpenedPage> {
  const tab = await context.newPage();
  const complaints: string[] = [];
  tab.on("pageerror", (error) => complaints.push(error.message));
  tab.on("console", (message) => {
    const isBad = message.type() === "error" || message.type() === "warning";
    if (isBad && !failedLoad.test(message.text())) complaints.push(message.text());
  });
  await tab.goto(url);
  return {
    tab,
    complaints,
    session: (sessionId) => tab.locator(`[data-session="${sessionId}"]`),
    path: (sessionId, name) =>
      tab.locator(`[data-session="${sessionId}"] .pill`).getByText(name, { exact: true }),
    async seriousFindings() {
      await tab.evaluate(axe.source);
      const { violations } = await tab.evaluate(
        async () =>
          await (globalThis as unknown as { axe: typeof axe }).axe.run({
            resultTypes: ["violations"],
          }),
      );
      return violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .flatMap(({ id, nodes }) => nodes.map(({ target, html }) => `${id}: ${target} ${html}`));
    },
  };
}
