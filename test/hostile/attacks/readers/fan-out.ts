import { setMaxListeners } from "node:events";

import { WatchTransportRequestSchema } from "../../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { enveloped } from "../../../support/network/enveloped.ts";
import type { Attack, AttackContext } from "../../attack.ts";
import { atOnce, untilOver } from "../../tools/at-once.ts";
import { grpcCaller } from "../../tools/grpc-caller.ts";
import { httpCaller } from "../../tools/http-caller.ts";
import { bytesOf, pathOf } from "../../tools/messages.ts";
import { Outcomes } from "../../tools/outcomes.ts";
import { acquire, attackedBeach, sessionNamed } from "../../tools/sessions.ts";

const right =
  "a state is serialised once for all, and a change gives others their turn between readers";
const path = pathOf("watchTransport");
const readers = 1_000;

/** Changes a session of the beach that is watched, again and again: each time under a new reason. */
async function changeOn({ addresses, outcomes, signal }: AttackContext): Promise<void> {
  using caller = await grpcCaller(addresses.grpc, new Outcomes());
  await untilOver(4, signal, async (index) => {
    const session = sessionNamed(index % 10);
    if ((await acquire(caller, session, `reason-${index % 60}`)) !== undefined)
      outcomes.see("changed");
  });
}

function overHttp(name: string, format: "proto" | "json", form: Attack["form"]): Attack {
  return {
    name,
    sends: `1000 Connect watchers of one beach (${format}), whose sessions change without pause`,
    right,
    form,
    attaches: 10,
    needs: { outcome: "changed", times: 50 },
    keeps: { outcome: "attached", bytesEach: 20_000 },
    async run(context) {
      const { addresses, outcomes, signal } = context;
      setMaxListeners(0, signal);
      using caller = httpCaller(addresses.http, outcomes, readers);
      const message =
        format === "json"
          ? Buffer.from(JSON.stringify({ privateBeachId: attackedBeach }))
          : bytesOf(WatchTransportRequestSchema, { privateBeachId: attackedBeach });
      const headers = { "content-type": `application/connect+${format}` };
      await atOnce(50, readers, signal, async () => {
        (await caller.open({ path, headers, body: enveloped(message) }))?.resume();
      });
      await changeOn(context);
    },
  };
}

export const fanOutConnect: Attack = overHttp("fan-out-connect", "proto", "short");
export const fanOutJson: Attack = overHttp("fan-out-json", "json", "full");

export const fanOutGrpc: Attack = {
  name: "fan-out-grpc",
  sends: "3000 gRPC watchers of one beach on one connection, whose sessions change without pause",
  right,
  form: "full",
  attaches: 10,
  needs: { outcome: "changed", times: 50 },
  keeps: { outcome: "attached", bytesEach: 20_000 },
  async run(context) {
    const { addresses, outcomes } = context;
    using caller = await grpcCaller(addresses.grpc, outcomes);
    const message = bytesOf(WatchTransportRequestSchema, { privateBeachId: attackedBeach });
    for (let reader = 0; reader < 3 * readers; reader += 1) {
      const stream = caller.open(path);
      stream.end(enveloped(message));
      stream.resume();
    }
    await changeOn(context);
  },
};
