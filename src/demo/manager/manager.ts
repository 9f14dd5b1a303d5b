import { createClient } from "@connectrpc/connect";

import { ManagerClient } from "../../client/manager.ts";
import { createNodeTransport } from "../../client/node.ts";
import { ControllerLease } from "../../gen/beach/controller/v1/controller_lease_pb.js";
import { createLog, parentLine, readConfig, serveParent } from "../beach/child.ts";
import type { ManagerCommand, ManagerConfig, ManagerEvent } from "../beach/messages.ts";
import { endWebrtc } from "../beach/peer-link.ts";
import { createManagerDoor } from "./manager-door.ts";
import { ManagerSession } from "./manager-session.ts";
import { addOldRenewals } from "./old-renewals.ts";

// A reference manager: attaches its sessions, answers signalling, sends actions, reports.

const config = readConfig<ManagerConfig>();
const log = createLog("manager");
const line = parentLine<ManagerEvent>();
const transport = createNodeTransport({ baseUrl: config.grpcUrl, protocol: "grpc" });
const sessions = new Map(
  config.sessionIds.map((sessionId) => [
    sessionId,
    new ManagerSession({ sessionId, client: () => client, line, log }),
  ]),
);

const client = new ManagerClient({
  transport,
  privateBeachId: config.privateBeachId,
  onState: (state) => sessions.get(state.sessionId)?.take(state),
  onRetired: ({ sessionId, handshakeId }) => sessions.get(sessionId)?.retire(handshakeId),
  onTrouble: (error) => log.info({ error: String(error) }, "the service is away; continuing"),
});

const door = createManagerDoor({
  sessionOf: (sessionId) => sessions.get(sessionId),
  standingOf: async (sessionId, handshakeId) =>
    (await client.checkHandshake(sessionId, handshakeId)).standing,
});
if (config.oldRenewals) {
  addOldRenewals(door, {
    sessionOf: (sessionId) => sessions.get(sessionId),
    leases: createClient(ControllerLease, transport),
    httpUrl: config.httpUrl,
  });
}

let rally = true;
const url = await door.listen({ host: "127.0.0.1", port: 0 });

let producing: NodeJS.Timeout | undefined;

// First of all: a parent that goes away while the service cannot be reached is not waited for.
serveParent<ManagerCommand>(
  (command) => {
    switch (command.kind) {
      case "kill":
        return sessions.get(command.sessionId)?.kill(command.death);
      case "rally":
        rally = command.on;
        return undefined;
      case "act":
        return sessions.get(command.sessionId)?.act(command.move);
      case "counters":
        return sessions.get(command.sessionId)?.flow.counters();
    }
  },
  async () => {
    clearInterval(producing);
    await Promise.all([client.stop(), door.close()]);
    for (const session of sessions.values()) session.closeAll();
    transport.close();
    endWebrtc();
  },
);

await Promise.all(
  config.sessionIds.map((sessionId) =>
    client.attach({
      sessionId,
      requiredChannels: [...config.requiredChannels],
      managerUrl: url,
      hostReports: config.hostReports,
    }),
  ),
);
client.start();
if (config.actionsPerSecond > 0) {
  producing = setInterval(() => {
    if (rally) for (const session of sessions.values()) session.flow.produce();
  }, 1_000 / config.actionsPerSecond);
}
line.emit({ kind: "ready", url });
