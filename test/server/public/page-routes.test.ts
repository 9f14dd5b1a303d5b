import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { jwtMode } from "../../support/process/jwt-mode.ts";
import { runService } from "../../support/process/run-service.ts";

describe("The page at the public door", () => {
  let folder: string;
  beforeAll(async () => {
    const above = await mkdtemp(join(tmpdir(), "lease-page-routes-"));
    folder = join(above, "page");
    await mkdir(join(folder, "assets"), { recursive: true });
    await writeFile(join(folder, "index.html"), "<!doctype html>\n<title>The page</title>\n");
    await writeFile(join(folder, "assets/index-1a2b.js"), "export {};\n");
    await writeFile(join(folder, "assets/index-1a2b.js.br"), brotliCompressSync("export {};\n"));
    await writeFile(join(above, "secret.txt"), "not for callers");
  });
  afterAll(() => rm(join(folder, ".."), { recursive: true, force: true }));

  it("is served at / and asked for anew each time, its assets never again", async () => {
    await using service = await runService({ pageFolder: folder });
    const page = await fetch(service.httpUrl("/"));
    expect(page.status).toBe(200);
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(page.headers.get("cache-control")).toBe("no-cache");
    expect(await page.text()).toMatch(/The page/);
    const script = await fetch(service.httpUrl("/assets/index-1a2b.js"));
    expect(script.headers.get("content-type")).toMatch(/javascript/);
    expect(script.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    const head = await fetch(service.httpUrl("/"), { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });

  it("is sent compressed to clients that accept it", async () => {
    await using service = await runService({ pageFolder: folder });
    const script = async (coding: string): Promise<Response> =>
      await fetch(service.httpUrl("/assets/index-1a2b.js"), {
        headers: { "accept-encoding": coding },
      });
    const compressed = await script("br");
    expect(compressed.headers.get("content-encoding")).toBe("br");
    expect(compressed.headers.get("content-type")).toMatch(/javascript/);
    expect(compressed.headers.get("vary")).toMatch(/accept-encoding/i);
    expect(await compressed.text()).toBe("export {};\n");
    const plain = await script("identity");
    expect(plain.headers.get("content-encoding")).toBeNull();
    expect(await plain.text()).toBe("export {};\n");
  });

  it.each([
    "/assets/",
    "/assets/other.js",
    "/../secret.txt",
    "/%2e%2e/secret.txt",
    "/assets/..%2f..%2fsecret.txt",
    "/page",
  ])("is not at %s, where there is no route", async (path) => {
    await using service = await runService({ pageFolder: folder });
    const response = await fetch(service.httpUrl(path));
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: "not_found" });
  });

  it("says how to build it where it is not built", async () => {
    await using service = await runService({ pageFolder: join(folder, "nowhere") });
    const response = await fetch(service.httpUrl("/"));
    expect(response.status).toBe(404);
    expect(response.headers.get("content-type")).toMatch(/^text\/plain/);
    expect(await response.text()).toMatch(/npm run prepare/);
  });

  it("may call the door that served it where bearers are asked for, and other pages may not", async () => {
    await using jwt = await jwtMode();
    await using service = await runService({ env: jwt.env, pageFolder: folder });
    const own = new URL(service.httpUrl("/"));
    const call = async (origin: string): Promise<number> => {
      const url = service.httpUrl("/beach.controller.v1.FastPathRegistry/SummarizeFleet");
      const authorization = `Bearer ${await jwt.person()}`;
      const headers = { "content-type": "application/json", authorization, origin };
      return (await fetch(url, { method: "POST", headers, body: "{}" })).status;
    };
    expect(await call(own.origin)).toBe(200);
    expect(await call(`https://${own.host}`)).toBe(200);
    expect(await call("http://127.0.0.1:1")).toBe(403);
    expect(await call("https://elsewhere.example")).toBe(403);
    expect(await call("null")).toBe(403);
  });
});
