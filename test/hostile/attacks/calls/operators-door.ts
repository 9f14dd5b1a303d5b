import { RenewRequestSchema } from "../../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import type { Attack } from "../../attack.ts";
import { untilOver } from "../../tools/at-once.ts";
import { grpcCaller } from "../../tools/grpc-caller.ts";
import { httpCaller } from "../../tools/http-caller.ts";
import { bytesOf, pathOf } from "../../tools/messages.ts";
import { acquire } from "../../tools/sessions.ts";

export const metricsFlood: Attack = {
  name: "metrics-flood",
  sends: "/metrics, /readyz and /healthz without pause, 32 at once",
  right: "each costs little, or is made once for all who ask together",
  form: "long",
  async run({ addresses, outcomes, signal }) {
    using caller = httpCaller(addresses.ops, outcomes, 32);
    const paths = ["/metrics", "/metrics", "/readyz", "/healthz"];
    await untilOver(32, signal, (index) =>
      caller.call({ path: paths[index % paths.length] ?? "", method: "GET" }),
    );
  },
};

export const backupFlood: Attack = {
  name: "backup-flood",
  sends: "orders to back up, under one name and under new ones, 8 at once",
  right: "one at a time; the others are refused",
  form: "full",
  refusedAs: ["409", "400", "429"],
  async run({ addresses, outcomes, signal }) {
    using caller = httpCaller(addresses.ops, outcomes, 8);
    await untilOver(8, signal, (index) =>
      caller.call({ path: `/backup?to=backup-${index % 4}.db` }),
    );
  },
};

export const logFlood: Attack = {
  name: "log-flood",
  sends: "Acquire on sessions that are new each time, each of which makes lines in the log",
  right: "a line costs little",
  form: "full",
  needs: { outcome: "grpc 0", times: 3_000 },
  keeps: { outcome: "grpc 0", bytesEach: 6_000 },
  async run({ addresses, outcomes, signal }) {
    using caller = await grpcCaller(addresses.grpc, outcomes);
    await untilOver(100, signal, (index) => acquire(caller, `logged-${index}`, "reason"));
  },
};

export const stoppedLogReader: Attack = {
  name: "stopped-log-reader",
  sends: "the same, while whoever reads the log has stopped reading",
  right: "lines are dropped and counted; nothing waits for the reader",
  form: "long",
  needs: { outcome: "grpc 0", times: 3_000 },
  service: { logReaderStops: true },
  keeps: { outcome: "grpc 0", bytesEach: 6_000 },
  run: logFlood.run,
};

export const plainLoad: Attack = {
  name: "plain-load",
  sends: "nothing that is wrong: 64 renewals under way at any time, of leases that nobody holds",
  right: "served, with the beach beside them",
  form: "full",
  async run({ addresses, outcomes, signal }) {
    using caller = await grpcCaller(addresses.grpc, outcomes);
    const message = bytesOf(RenewRequestSchema, { sessionId: "unknown", controllerToken: "t" });
    await untilOver(64, signal, () => caller.unary(pathOf("renew"), message));
  },
};
