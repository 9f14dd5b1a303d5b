import { afterAll, beforeAll, describe } from "vitest";

import { badInputCases } from "./conformance-bad-input.ts";
import { leaseCases } from "./conformance-lease.ts";
import { registryCases } from "./conformance-registry.ts";
import type { ConformanceOptions, ConformanceSubject } from "./conformance-subject.ts";
import { unreadableCases } from "./conformance-unreadable.ts";
import { watchCases } from "./conformance-watch.ts";

/** What every door answers in every protocol: one suite, run against each of them. */
export function testApiConformance(
  name: string,
  options: ConformanceOptions,
  open: () => Promise<ConformanceSubject>,
): void {
  describe(name, () => {
    let opened: ConformanceSubject;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened[Symbol.asyncDispose]());

    const subject = (): ConformanceSubject => opened;
    leaseCases(subject, options);
    watchCases(subject);
    registryCases(subject, options);
    badInputCases(subject, options);
    unreadableCases(subject, options);
  });
}
