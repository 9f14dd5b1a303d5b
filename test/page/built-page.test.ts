import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { expect, it } from "vitest";

import { buildPage } from "../browser/operators/opened-page.ts";

it("The built page is small, made for production, and has nothing inline", async () => {
  await using built = await buildPage();
  const html = await readFile(join(built.folder, "index.html"), "utf8");
  expect(html).not.toMatch(/<script(?![^>]*src=)|<style|\sstyle=|\son\w+=/);
  const assets = join(built.folder, "assets");
  const scripts = (await readdir(assets)).filter((name) => name.endsWith(".js"));
  expect(scripts).toHaveLength(1);
  const script = await readFile(join(assets, scripts[0] ?? ""));
  expect(script.includes("React DevTools")).toBe(false);
  // The production build of React has none: the page would show nothing.
  expect(script.includes("jsxDEV(")).toBe(false);
  expect(gzipSync(script).length).toBeLessThan(150_000);
});
