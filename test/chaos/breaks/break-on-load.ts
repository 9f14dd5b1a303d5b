import { registerHooks } from "node:module";

import { edited } from "../../support/sources/edit.ts";
import { breakNamed } from "./breaks.ts";

// Loaded before the service: has it load broken sources. Those on disk stay as they are, and nothing
// in them knows of breaks.

const sources = new URL("../../../src/", import.meta.url);
const { edits } = breakNamed(new URL(import.meta.url).search.slice(1));

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const own = edits.filter(({ file }) => new URL(file, sources).href === url);
    if (own.length === 0) return loaded;
    return { ...loaded, source: own.reduce(edited, String(loaded.source)) };
  },
});
