import { TransportReporter } from "../../client/host.ts";
import { createNodeTransport } from "../../client/node.ts";
import { TransportEnd } from "../../gen/beach/controller/v1/transport_pb.js";
import { createLog, parentLine, readConfig, serveParent } from "../beach/child.ts";
import type { HostCommand, HostConfig, HostEvent, NegotiationManners } from "../beach/messages.ts";
import { endWebrtc } from "../beach/peer-link.ts";
import { HostSession } from "./host-session.ts";

// A reference host: offers WebRTC when the service says so, polls over HTTP when there is none.

const config = readConfig<HostConfig>();
const log = createLog("host");
const line = parentLine<HostEvent>();
const transport = createNodeTransport(
  config.door === "grpc"
    ? { baseUrl: config.grpcUrl, protocol: "grpc" }
    : { baseUrl: config.httpUrl, protocol: "connect" },
);

const reporter = new TransportReporter({
  transport,
  end: TransportEnd.HOST,
  onRetired: ({ sessionId, handshakeId }) => sessions.get(sessionId)?.retire(handshakeId),
  onTrouble: (error) => log.info({ error: String(error) }, "cannot report; continuing"),
});

let manners: NegotiationManners = config.negotiation;
const sessions = new Map(
  config.sessionIds.map((sessionId) => [
    sessionId,
    new HostSession({
      sessionId,
      managerUrl: config.managerUrl,
      transport,
      reporter,
      manners: () => manners,
      runsGame: config.runsGames,
      line,
      log,
    }),
  ]),
);

reporter.start();
for (const session of sessions.values()) session.start();

serveParent<HostCommand>(
  (command) => {
    switch (command.kind) {
      case "kill":
        return sessions.get(command.sessionId)?.kill(command.death);
      case "manners":
        manners = command.manners;
        return undefined;
      case "mark":
        return sessions.get(command.sessionId)?.ledger.mark();
      case "counters":
        return sessions.get(command.sessionId)?.ledger.counters();
    }
  },
  async () => {
    await Promise.all([
      reporter.stop(),
      ...[...sessions.values()].map((session) => session.stop()),
    ]);
    transport.close();
    endWebrtc();
  },
);
line.emit({ kind: "ready" });
