import { serviceUnderTest } from "../support/service/session-service.ts";
import { dependenciesFor, inMemory } from "./api-under-test.ts";
import { testApiConformance } from "./conformance/api-conformance.ts";
import type { ConformanceSubject } from "./conformance/conformance-subject.ts";

for (const door of ["internal", "public"] as const) {
  testApiConformance(
    `the ${door} door's services in memory`,
    { door, duplex: true, formats: [] },
    () => open(door),
  );
}

async function open(door: "internal" | "public"): Promise<ConformanceSubject> {
  const under = await serviceUnderTest();
  const { service } = under;
  return {
    clients: inMemory(dependenciesFor(service, { door })),
    internal: inMemory(dependenciesFor(service)),
    sendRaw: () => Promise.reject(new Error("a message in memory has no bytes")),
    stored: async (id) => await service.find(id),
    [Symbol.asyncDispose]: () => under[Symbol.asyncDispose](),
  };
}
