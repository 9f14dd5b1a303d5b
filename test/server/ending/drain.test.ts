import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { expect, test } from "vitest";

import { defaultPolicy } from "../../../src/core/policy.ts";
import {
  ControllerLease,
  type KeepAliveRequestSchema,
  type WatchTransportResponse,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import {
  Health,
  HealthCheckResponse_ServingStatus,
} from "../../../src/gen/grpc/health/v1/health_pb.js";
import { type Reach, runService, spawnService } from "../../support/process/run-service.ts";
import { openUnreadWatch } from "../grpc/unread-watch.ts";
import { largeStates } from "../watches/changing-sessions.ts";
import { rawProtocols } from "../watches/raw-watch.ts";

const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;

type Event = WatchTransportResponse["event"]["case"];

/** A watch that is open: `begun` once it has said something, `ended` with all that it said. */
interface OpenWatch {
  readonly begun: Promise<void>;
  readonly ended: Promise<{ readonly events: readonly Event[]; readonly code: Code | undefined }>;
}

function openWatch(reach: Reach, transport: Transport): OpenWatch {
  const events: Event[] = [];
  let begin: () => void;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const read = async (): Promise<Code | undefined> => {
    try {
      const client = reach.client(ControllerLease, transport);
      for await (const { event } of client.watchTransport({ sessionIds: ["s1"] })) {
        events.push(event.case);
        if (event.case === "bookmark") begin();
      }
      return undefined;
    } catch (error) {
      return ConnectError.from(error).code;
    }
  };
  return { begun, ended: read().then((code) => ({ events, code })) };
}

async function openEverywhere(reach: Reach): Promise<readonly OpenWatch[]> {
  const transports = [reach.grpc, reach.connect, reach.grpcWeb];
  const watches = transports.map((transport) => openWatch(reach, transport));
  await Promise.all(watches.map(({ begun }) => begun));
  return watches;
}

const askedToReconnect = {
  events: ["gone", "bookmark", "draining"],
  code: Code.Unavailable,
};

test("a drain asks every watcher to reconnect, then ends the streams with UNAVAILABLE", async () => {
  await using service = await runService();
  const watches = await openEverywhere(service);
  await service.drain();
  for (const { ended } of watches) expect(await ended).toEqual(askedToReconnect);
});

test("a drain ends an idle KeepAlive with UNAVAILABLE, after its last answer", async () => {
  await using service = await runService();
  const { offer: _, ...held } = await service.lease.acquire({
    sessionId: "s1",
    privateBeachId: "b",
    passcode: "1",
  });
  const leave = new AbortController();
  async function* renewals(): AsyncGenerator<MessageInitShape<typeof KeepAliveRequestSchema>> {
    yield { renewals: [{ sessionId: "s1", controllerToken: held.controllerToken }] };
    await new Promise((resolve) => leave.signal.addEventListener("abort", resolve));
  }
  let answers = 0;
  const kept = (async () => {
    for await (const { results } of service.lease.keepAlive(renewals())) {
      answers += results.length;
      void service.drain();
    }
  })();
  await expect(kept).rejects.toMatchObject({ code: Code.Unavailable });
  expect(answers).toBe(1);
  leave.abort();
});

test("a drain sends NOT_SERVING to those who watch health", async () => {
  await using service = await runService();
  for (const transport of [service.grpc, service.connect]) {
    const seen: number[] = [];
    const watched = (async () => {
      for await (const { status } of service.client(Health, transport).watch({})) {
        seen.push(status);
        if (transport === service.connect) void service.drain();
        else break;
      }
    })();
    await watched.catch(() => undefined);
    expect(seen).toEqual(transport === service.connect ? [SERVING, NOT_SERVING] : [SERVING]);
  }
});

// Each waits for the same grace.
test.concurrent.each(rawProtocols)(
  "a reader over %s that does not read holds up a drain for its grace and no longer",
  async (protocol) => {
    // However long it takes to fill what is between them, states stay large.
    const policy = { ...defaultPolicy, negotiationTimeoutMs: 86_400_000 };
    await using service = await runService({ policy, env: largeStates });
    const reader = await openUnreadWatch(service, protocol);
    const drained = service.drain();
    const ready = await fetch(service.opsUrl("/readyz"));
    expect(ready.status).toBe(503);
    const why = { drain: "the process drains, and ends" };
    expect(await ready.json()).toEqual({ status: "not ready", not_ready: why });
    await drained;
    expect(await reader.readToEnd()).toBe("reset");
  },
);

test("a second drain joins the first, and nothing listens afterwards", async () => {
  await using service = await runService();
  await Promise.all([service.drain(), service.drain()]);
  await service.drain();
  for (const url of [service.httpUrl("/"), service.opsUrl("/healthz")]) {
    await expect(fetch(url)).rejects.toThrow();
  }
  expect(service.log.filter(({ msg }) => msg === "draining")).toHaveLength(1);
});

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s ends the process with 0 while streams are open at each door, and twice is once",
  async (signal) => {
    await using service = await spawnService();
    const watches = await openEverywhere(service);
    process.kill(service.pid, signal);
    process.kill(service.pid, signal);
    expect(await service.exited).toEqual({ code: 0, signal: null });
    for (const { ended } of watches) expect(await ended).toEqual(askedToReconnect);
    expect(service.stderr).toEqual([]);
  },
);

test("POST /drain ends the process with 0", async () => {
  await using service = await spawnService();
  const answer = await fetch(service.opsUrl("/drain"), { method: "POST" });
  expect(answer.status).toBe(202);
  expect(await service.exited).toEqual({ code: 0, signal: null });
});
