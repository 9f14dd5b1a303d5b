import { constants } from "node:http2";

import {
  KeepAliveRequestSchema,
  WatchTransportRequestSchema,
} from "../../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { enveloped } from "../../../support/network/enveloped.ts";
import type { Attack } from "../../attack.ts";
import { pause } from "../../tools/at-once.ts";
import { grpcCaller } from "../../tools/grpc-caller.ts";
import { bytesOf, pathOf } from "../../tools/messages.ts";
import { Outcomes } from "../../tools/outcomes.ts";
import { acquire, sessionNamed } from "../../tools/sessions.ts";

const never = new AbortController().signal;
const watches = 3_000;
const cancelled = 2_980;

export const cancelledWatches: Attack = {
  name: "cancelled-watches",
  sends: "2980 of 3000 watches cancelled at once, on a connection that a KeepAlive stream shares",
  right: "the KeepAlive stream and the other watches go on, or end with UNAVAILABLE",
  form: "short",
  attaches: 1,
  secondsMin: 10,
  keeps: { outcome: "attached", bytesEach: 6_000 },
  async run({ addresses, outcomes, signal, wrong }) {
    const unseen = new Outcomes();
    using caller = await grpcCaller(addresses.grpc, unseen);
    const lease = await acquire(caller, sessionNamed(0), "tile");
    const controllerToken = lease?.controllerToken ?? "";
    const renewal = { renewals: [{ sessionId: sessionNamed(0), controllerToken }] };
    const message = enveloped(bytesOf(KeepAliveRequestSchema, renewal));
    const keepAlive = caller.open(pathOf("keepAlive"));
    let isOver = false;
    let status: unknown;
    keepAlive.on("trailers", (trailers) => {
      status = trailers["grpc-status"];
    });
    keepAlive.on("close", () => {
      isOver = true;
    });
    let renewed = 0;
    keepAlive.on("data", () => {
      renewed += 1;
      outcomes.see("renewed");
    });
    const request = bytesOf(WatchTransportRequestSchema, { sessionIds: [sessionNamed(0)] });
    const streams = Array.from({ length: watches }, () => caller.open(pathOf("watchTransport")));
    for (const stream of streams) {
      stream.end(enveloped(request));
      stream.resume();
    }
    keepAlive.write(message);
    await until(() => renewed > 0 || isOver);
    for (const stream of streams.slice(0, cancelled)) stream.close(constants.NGHTTP2_CANCEL);
    await pause(500, signal);
    if (!isOver) keepAlive.write(message);
    await until(() => renewed > 1 || isOver);
    if (renewed < 2 && !isOver) wrong("the KeepAlive stream is silent");
    outcomes.see("cancelled", cancelled);
    // 14 is UNAVAILABLE, which says to a client of ours that it may go on elsewhere.
    const isTold = String(status) === "14";
    if (isOver && !isTold) wrong(`the KeepAlive stream ended with ${status ?? "a reset"}`);
    const rest = streams.slice(cancelled).filter((stream) => stream.closed).length;
    if (rest > 0 && !isTold) wrong(`${rest} watches ended that nobody had cancelled`);
  },
};

/** Looks again and again, for a few seconds at most, whatever the attack's own time is. */
async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 80 && !isSo(); tries += 1) await pause(100, never);
}
