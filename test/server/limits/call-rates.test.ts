import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";

import { ErrorInfoSchema, RetryInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.js";
import { type JwtMode, jwtMode } from "../../support/process/jwt-mode.ts";
import { type RunningService, runService } from "../../support/process/run-service.ts";

const limit = 5;
/** So many at once that the machine cannot make one window of two. */
const calls = Array.from({ length: 40 }, (_, index) => index);

interface Crowd {
  readonly service: RunningService;
  readonly jwt: JwtMode;
}

async function list({ service, jwt }: Crowd, sub: string): Promise<unknown> {
  const headers = { authorization: `Bearer ${await jwt.manager({ sub })}` };
  return await service.registry.listSessions({}, { headers }).then(
    () => undefined,
    (error: unknown) => error,
  );
}

test("a caller that calls too often is refused with a time to retry; others are served", async () => {
  await using jwt = await jwtMode();
  await using service = await runService({ env: jwt.env, budgets: { principal_calls: limit } });
  const refusals = await Promise.all(calls.map(() => list({ service, jwt }, "busy")));
  const errors = refusals.filter((refusal) => refusal instanceof ConnectError);
  expect(errors.length).toBeGreaterThan(0);
  for (const error of errors) {
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(error.message).toMatch(/Cannot list .* one caller within ten seconds/);
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([
      { reason: "TOO_MANY", metadata: { what: "principal_calls" } },
    ]);
    expect(error.findDetails(RetryInfoSchema)).toMatchObject([{ retryDelay: {} }]);
  }
  expect(await list({ service, jwt }, "calm")).toBeUndefined();
  const metrics = await (await fetch(service.opsUrl("/metrics"))).text();
  expect(metrics).toContain(
    `lease_budget_refusals_total{budget="principal_calls"} ${errors.length}`,
  );
});

test("an old client that calls too often gets 429 with Retry-After", async () => {
  await using jwt = await jwtMode();
  await using service = await runService({ env: jwt.env, budgets: { principal_calls: limit } });
  const authorization = `Bearer ${await jwt.person()}`;
  const url = service.httpUrl("/sessions/s-1/controller/lease");
  const answers = await Promise.all(
    calls.map(() => fetch(url, { method: "POST", headers: { authorization } })),
  );
  const refused = answers.find(({ status }) => status === 429);
  expect(refused?.headers.get("retry-after")).toMatch(/^\d+$/);
  expect(await refused?.json()).toEqual({
    error: "too_many_requests",
    message: expect.stringContaining("one caller within ten seconds"),
  });
});

test("each message of KeepAlive counts", async () => {
  await using jwt = await jwtMode();
  await using service = await runService({ env: jwt.env, budgets: { principal_calls: limit } });
  const headers = { authorization: `Bearer ${await jwt.manager()}` };
  async function* messages(): AsyncGenerator<{ renewals: [] }> {
    for (const _ of calls) yield { renewals: [] };
  }
  let answers = 0;
  const kept = (async () => {
    for await (const _ of service.lease.keepAlive(messages(), { headers })) answers += 1;
  })();
  await expect(kept).rejects.toThrow(/resource_exhausted.*one caller/);
  expect(answers).toBeGreaterThanOrEqual(limit);
});

test("in dev all callers are one, and their calls are not counted", async () => {
  await using service = await runService({ budgets: { principal_calls: limit } });
  const answers = calls.map(() => service.registry.listSessions({}));
  await expect(Promise.all(answers)).resolves.toHaveLength(calls.length);
});
