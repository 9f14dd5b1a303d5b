import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";

import { ControllerLease } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import type { TransportState } from "../../../src/gen/beach/controller/v1/transport_pb.js";
import { ErrorInfoSchema, RetryInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.js";
import { beach } from "../../api/conformance/conformance-subject.ts";
import { oldClient } from "../../legacy/old-client.ts";
import { runService } from "../../support/process/run-service.ts";
import { manualClock } from "../../support/service/manual-clock.ts";

const sessionId = "s1";
const join = { passcode: "123456", requester_private_beach_id: beach };

interface Refused {
  readonly code: string | undefined;
  readonly reason: string | undefined;
  readonly endedBy: string | undefined;
  readonly retryAfterSeconds: number | undefined;
}

async function refusalOf(call: Promise<unknown>): Promise<Refused> {
  const error = ConnectError.from(
    await call.then(
      () => "not refused",
      (thrown: unknown) => thrown,
    ),
  );
  const [info] = error.findDetails(ErrorInfoSchema);
  const [retry] = error.findDetails(RetryInfoSchema);
  return {
    code: Code[error.code],
    reason: info?.reason,
    endedBy: info?.metadata.ended_by,
    retryAfterSeconds: retry && Number(retry.retryDelay?.seconds),
  };
}

test("an emergency stop ends every lease at once, and no timer takes it back", async () => {
  const clock = manualClock(Date.parse("2026-01-02T03:04:05.000Z"));
  await using service = await runService({ clock });
  const old = oldClient(service);
  const web = service.client(ControllerLease, service.connect);
  const tile = await old("POST", `/sessions/${sessionId}/controller-handshake`, join);
  const tileToken = tile.body as { controller_token: string };
  await old("POST", `/sessions/${sessionId}/controller/lease`, { reason: "pong_autopilot" });
  const { controllerToken } = await web.acquire({ sessionId, reason: "tab-1" });

  const leave = new AbortController();
  const watch = web.watchTransport({ sessionIds: [sessionId] }, { signal: leave.signal });
  const events = watch[Symbol.asyncIterator]();
  const nextState = async (): Promise<TransportState> => {
    for (;;) {
      const { event } = (await events.next()).value;
      if (event.case === "state") return event.value;
    }
  };
  expect(await nextState()).toMatchObject({ liveLeases: 3 });

  const hold = { seconds: 60n, nanos: 0 };
  const stop = { sessionId, reason: "emergency stop", hold };
  expect(await service.registry.revokeLeases(stop)).toMatchObject({
    revoked: 3,
    sessionHeld: true,
  });
  // Whoever watches sees it at once; the transport is left as it is.
  const before = await nextState();
  expect(before).toMatchObject({ liveLeases: 0 });

  for (let waitedMs = 0; waitedMs < 60_000; waitedMs += 5_000) {
    const seconds = (60_000 - waitedMs) / 1_000;
    const held = {
      status: 403,
      retryAfter: String(seconds),
      body: { error: "forbidden", message: expect.stringContaining("revoked") },
    };
    expect(await old("POST", `/sessions/${sessionId}/controller-handshake`, join)).toMatchObject(
      held,
    );
    const agent = { reason: "pong_autopilot" };
    expect(await old("POST", `/sessions/${sessionId}/controller/lease`, agent)).toMatchObject(held);
    expect(
      await old("POST", `/sessions/${sessionId}/controller-handshake/renew`, tileToken),
    ).toMatchObject({ status: 409, body: { message: "controller mismatch" } });
    expect(await refusalOf(web.renew({ sessionId, controllerToken }))).toEqual({
      code: "FailedPrecondition",
      reason: "LEASE_NOT_LIVE",
      endedBy: "revoked",
      retryAfterSeconds: undefined,
    });
    expect(await refusalOf(web.acquire({ sessionId, reason: "tab-1" }))).toEqual({
      code: "PermissionDenied",
      reason: "REVOKED",
      endedBy: undefined,
      retryAfterSeconds: seconds,
    });
    const kept = { renewals: [{ sessionId, controllerToken }] };
    async function* once(): AsyncGenerator<typeof kept> {
      yield kept;
    }
    for await (const { results } of service.lease.keepAlive(once())) {
      expect(results).toMatchObject([{ refusal: "LEASE_NOT_LIVE", endedBy: "revoked" }]);
    }
    const { sessions } = await service.registry.listSessions({ privateBeachId: beach });
    expect(sessions).toMatchObject([{ leases: [] }]);
    await clock.advance(5_000);
  }

  const again = await web.acquire({ sessionId, reason: "tab-1" });
  expect(again.controllerToken).not.toBe(controllerToken);
  let state = await nextState();
  while (state.liveLeases === 0) state = await nextState();
  expect(state).toMatchObject({ liveLeases: 1 });
  leave.abort();
});
