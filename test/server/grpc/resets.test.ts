import { afterEach, expect, test, vi } from "vitest";
import { enveloped } from "../../support/network/enveloped.ts";
import { type RunningService, runService } from "../../support/process/run-service.ts";
import { patient } from "../../support/runs/patient.ts";
import { grpcEnd, isServedAnew, RawHttp2, resetUntilRefused } from "../raw/raw-http2.ts";

const renew = "/beach.controller.v1.ControllerLease/Renew";
const reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

let service: RunningService;
afterEach(() => service[Symbol.asyncDispose]());

test("a caller that resets too many streams cannot continue over a new connection", async () => {
  service = await runService({ budgets: { address_resets: 800 } });
  await expect(service.lease.renew({ sessionId: "n", controllerToken: "t" })).rejects.toThrow(
    /no such session/,
  );
  using first = new RawHttp2(service.addresses.grpc);
  using second = new RawHttp2(service.addresses.grpc);
  for (const raw of [first, second]) {
    raw.openAndReset(45);
    expect(await renewed(raw)).toBe("3");
  }
  first.openAndReset(200);
  await vi.waitUntil(() => first.session.destroyed, patient);
  await resetUntilRefused(service.addresses.grpc, 100);
  // Those who were there before are still served.
  expect(await renewed(second)).toBe("3");
  // And after a while everybody is.
  await vi.waitUntil(() => isServedAnew(service.addresses.grpc), patient);
});

test("a path that no method has is not repeated", async () => {
  service = await runService();
  using raw = new RawHttp2(service.addresses.grpc);
  for (const length of [100, 5_000]) {
    const stream = raw.open(`/${"p".repeat(length)}`);
    stream.end();
    const end = await grpcEnd(stream);
    expect(end.status).toBe("12");
    expect(end.message.length).toBeLessThan(200);
  }
});

test("reflection answers no faster than it is read", async () => {
  service = await runService();
  using raw = new RawHttp2(service.addresses.grpc);
  const stream = raw.open(reflection);
  const symbol = "beach.controller.v1.ControllerLease";
  const question = Buffer.concat([Buffer.from([0x22, symbol.length]), Buffer.from(symbol)]);
  stream.end(Buffer.concat(Array.from({ length: 200 }, () => enveloped(question))));
  let answers = 0;
  stream.on("data", (data: Buffer) => {
    answers += data.length;
  });
  expect((await grpcEnd(stream)).status).toBe("0");
  expect(answers).toBeGreaterThan(200 * 1_000);
});

/** A call behind what was sent on the connection before. */
async function renewed(raw: RawHttp2): Promise<string> {
  const stream = raw.open(renew);
  stream.end(enveloped(Buffer.alloc(0)));
  return (await grpcEnd(stream)).status;
}
