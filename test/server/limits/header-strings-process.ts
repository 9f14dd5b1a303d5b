import { constants, PerformanceObserver } from "node:perf_hooks";

import { Budgets } from "../../../src/budget/budgets.ts";
import { HeaderStrings } from "../../../src/server/http2/header-strings.ts";

const forExternalMemory = constants.NODE_PERFORMANCE_GC_FLAGS_ALL_EXTERNAL_MEMORY;
const waitMs = 3_000;

/** An entry of the type "gc". */
interface Collection {
  readonly detail: { readonly kind: number; readonly flags: number };
}

new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const { kind, flags } = (entry as unknown as Collection).detail;
    if (kind !== constants.NODE_PERFORMANCE_GC_MAJOR || (flags & forExternalMemory) === 0) continue;
    process.stdout.write("collected\n");
    process.exit();
  }
}).observe({ entryTypes: ["gc"] });

const strings = new HeaderStrings(new Budgets({ header_string_bytes: 1_000 }));
strings.bring(600);
strings.bring(600);
setTimeout(() => process.stdout.write("not collected\n"), waitMs);
