import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";

import { createBackoff, TransportReporter, TransportWatcher } from "../../client/index.ts";
import { createNodeTransport } from "../../client/node-transport.ts";
import { ControllerLease } from "../../gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../gen/beach/controller/v1/fast_path_registry_pb.js";
import { TransportEnd } from "../../gen/beach/controller/v1/transport_pb.js";
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
const leases = createClient(ControllerLease, transport);
const registry = createClient(FastPathRegistry, transport);
const callTimeoutMs = 5_000;
const attachTriesMax = 8;

const reporter = new TransportReporter({
  transport,
  end: TransportEnd.MANAGER,
  onRetired: ({ sessionId, handshakeId }) => sessions.get(sessionId)?.retire(handshakeId),
  onSessionUnknown: (sessionId) => attach(sessionId),
  onTrouble: (error) => log.info({ error: String(error) }, "cannot report; continuing"),
});

const sessions = new Map(
  config.sessionIds.map((sessionId) => [
    sessionId,
    new ManagerSession({ sessionId, reporter, line, log }),
  ]),
);

const watcher = new TransportWatcher({
  transport,
  watched: { privateBeachId: config.privateBeachId },
  reader: TransportEnd.MANAGER,
  onState: (state) => sessions.get(state.sessionId)?.take(state),
  onTrouble: (error) => log.info({ error: String(error) }, "the watch ended; opening another"),
});

const door = createManagerDoor({
  sessionOf: (sessionId) => sessions.get(sessionId),
  standingOf: async (sessionId, handshakeId) => {
    const answer = await registry.checkHandshake(
      { sessionId, handshakeId },
      { timeoutMs: callTimeoutMs },
    );
    return answer.standing;
  },
});
if (config.oldRenewals) {
  addOldRenewals(door, {
    sessionOf: (sessionId) => sessions.get(sessionId),
    leases,
    httpUrl: config.httpUrl,
  });
}

let rally = true;
const url = await door.listen({ host: "127.0.0.1", port: 0 });

async function attach(sessionId: string): Promise<void> {
  await registry.attachSession(
    {
      sessionId,
      privateBeachId: config.privateBeachId,
      requiredChannels: [...config.requiredChannels],
      managerUrl: url,
      hostReports: config.hostReports,
    },
    { timeoutMs: callTimeoutMs },
  );
}

/** Whoever has just been reached may be going away; later on the reporter attaches again. */
async function attachFirst(sessionId: string): Promise<void> {
  const backoff = createBackoff();
  for (let tries = 1; ; tries += 1) {
    try {
      return await attach(sessionId);
    } catch (error) {
      if (tries === attachTriesMax) throw error;
      log.info({ sessionId, error: String(error) }, "cannot attach; trying again");
      await delay(backoff.nextMs());
    }
  }
}

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
      case "counters":
        return sessions.get(command.sessionId)?.flow.counters();
    }
  },
  async () => {
    clearInterval(producing);
    await Promise.all([watcher.stop(), reporter.stop(), door.close()]);
    for (const session of sessions.values()) session.closeAll();
    transport.close();
    endWebrtc();
  },
);

await Promise.all(config.sessionIds.map(attachFirst));
watcher.start();
reporter.start();
producing = setInterval(() => {
  if (rally) for (const session of sessions.values()) session.flow.produce();
}, 1_000 / config.actionsPerSecond);
line.emit({ kind: "ready", url });
