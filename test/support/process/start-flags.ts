import { readFileSync } from "node:fs";

const { scripts } = JSON.parse(
  readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
) as { readonly scripts: Readonly<Record<string, string>> };

/** Options of Node that `npm start` gives the service: what is measured has them too. */
export const startFlags: readonly string[] =
  scripts.start?.match(/ --\S+/g)?.map((it) => it.trim()) ?? [];
