import { gzipSync } from "node:zlib";

import type { Attack } from "../../attack.ts";
import { untilOver } from "../../tools/at-once.ts";
import { httpCaller } from "../../tools/http-caller.ts";
import { pathOf } from "../../tools/messages.ts";

/** A megabyte of JSON that is a kilobyte on its way. */
const body = gzipSync(`{"reports":[${"{},".repeat(349_000)}{"end":[]}]}`);

export const emptyReportsJson: Attack = {
  name: "empty-reports-json",
  sends: "ReportTransport with 349,000 empty reports as JSON of 1 MiB, gzipped to 1 kB, 8 at once",
  right: "counted before it is parsed, and refused",
  form: "short",
  refusedAs: ["FIELD_INVALID", "TOO_MANY"],
  async run({ addresses, outcomes, signal }) {
    using caller = httpCaller(addresses.http, outcomes, 8);
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    const path = pathOf("reportTransport");
    await untilOver(8, signal, () => caller.call({ path, headers, body }));
  },
};
