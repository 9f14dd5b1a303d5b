import { fileURLToPath } from "node:url";

import { build } from "vite";

export interface PageFile {
  readonly type: string;
  readonly body: string | Uint8Array;
}

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** Builds the page in memory: its files by the path that they are served at. */
export async function buildPage(): Promise<ReadonlyMap<string, PageFile>> {
  const built = await build({
    root: fileURLToPath(new URL("../page/", import.meta.url)),
    configFile: false,
    logLevel: "error",
    // Nothing inline, which the page's own policy would refuse.
    build: { write: false, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  });
  if (!("output" in built)) throw new Error("the page was not built in one go");
  return new Map(
    built.output.map((file) => {
      const ending = file.fileName.slice(file.fileName.lastIndexOf(".") + 1);
      const path = file.fileName === "index.html" ? "/" : `/${file.fileName}`;
      const body = file.type === "chunk" ? file.code : file.source;
      return [path, { type: types[ending] ?? "application/octet-stream", body }];
    }),
  );
}
