import { Code } from "@connectrpc/connect";
import { expect, test } from "vitest";

import { attach, serviceUnderTest } from "../support/service/session-service.ts";
import { dependenciesFor, everybodyIs, inMemory } from "./api-under-test.ts";
import { service } from "./principals.ts";

test("KeepAlive ends with the first message after the caller's bearer has ended", async () => {
  await using under = await serviceUnderTest();
  await under.service.execute("s-1", attach);
  let isCurrent = true;
  const authenticator = { ...everybodyIs(service()), isCurrent: () => isCurrent };
  const { lease } = inMemory(dependenciesFor(under.service, { authenticator }));
  async function* batches() {
    yield { renewals: [] };
    yield { renewals: [] };
    isCurrent = false;
    yield { renewals: [] };
  }
  let answers = 0;
  const kept = (async () => {
    for await (const _ of lease.keepAlive(batches())) answers += 1;
  })();
  await expect(kept).rejects.toMatchObject({
    code: Code.Unauthenticated,
    message: expect.stringMatching(/the bearer has expired/),
  });
  expect(answers).toBe(2);
});
