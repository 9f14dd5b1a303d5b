import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type BrowserContext, chromium } from "playwright-core";

const candidates = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The browser on this machine; undefined where there is none. */
export const chromiumPath: string | undefined = candidates.find((path) => existsSync(path));

if (chromiumPath === undefined) {
  process.stderr.write("skipping browser tests: no Chromium (Debian: apt-get install chromium)\n");
}

/** A browser with an empty profile; disposing it closes it and removes the profile. */
export async function openBrowser(): Promise<
  AsyncDisposable & { readonly context: BrowserContext }
> {
  const profile = mkdtempSync(join(tmpdir(), "lease-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath ?? "",
    headless: true,
    // Certificates of tests come from an authority that no browser knows.
    ignoreHTTPSErrors: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  return {
    context,
    async [Symbol.asyncDispose]() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
