import type { Attack, Form } from "../../attack.ts";
import { untilOver } from "../../tools/at-once.ts";
import { RawSocket } from "../../tools/raw-socket.ts";
import { callsAtOnce } from "../calls/call-floods.ts";
import { emptyReportsGrpc } from "../messages/empty-reports-binary.ts";
import { zipBombStreams } from "../messages/zip-bombs.ts";
import { unreadListsGrpc } from "../readers/unread-lists.ts";
import { unfinishedCalls, unreadKeepAlives } from "../readers/unread-streams.ts";
import { emptyData, pingFloodUnread, settingsFloodUnread, tinyData } from "./frame-floods.ts";
import {
  continuationFlood,
  headerBomb,
  smallHeaderBombs,
  wideMetadata,
  wideTrailers,
} from "./header-bombs.ts";
import { rapidResets, rapidResetsData, rapidResetsWhole } from "./rapid-resets.ts";
import { silentConnections } from "./slow-callers.ts";

/** The same over TLS and HTTP/2 on the public door, of a service that speaks TLS there. */
function atPublicDoor(attack: Attack, form: Form = "full"): Attack {
  return {
    ...attack,
    name: `${attack.name}-public`,
    sends: `${attack.sends}; over TLS on the public door`,
    form,
    service: { hasTls: true },
    run: ({ addresses, ...context }) =>
      attack.run({ ...context, addresses: { ...addresses, grpc: `https://${addresses.http}` } }),
  };
}

const silentHandshakes: Attack = {
  ...silentConnections,
  name: "silent-handshakes",
  sends: "200 connections to the public door that never begin the handshake of TLS",
  right: "each costs little, and none of them stays for long",
  form: "full",
  service: { hasTls: true },
};

const handshakeStorm: Attack = {
  name: "handshake-storm",
  sends: "handshakes of TLS at the public door, 64 at once, whose connections end with them",
  right: "others have their turn between them",
  form: "full",
  service: { hasTls: true },
  async run({ addresses, outcomes, signal }) {
    await untilOver(64, signal, async () => {
      using connection = await RawSocket.open(`https://${addresses.http}`, { outcomes, signal });
      if (connection.isOpen) outcomes.see("handshake");
    });
  },
};

export const publicHttp2: readonly Attack[] = [
  atPublicDoor(rapidResets, "long"),
  atPublicDoor(rapidResetsData),
  atPublicDoor(rapidResetsWhole),
  atPublicDoor(headerBomb),
  atPublicDoor(smallHeaderBombs),
  atPublicDoor(continuationFlood),
  atPublicDoor(wideMetadata),
  atPublicDoor(wideTrailers),
  atPublicDoor(emptyData),
  atPublicDoor(tinyData),
  atPublicDoor(pingFloodUnread),
  atPublicDoor(settingsFloodUnread),
  atPublicDoor(unreadListsGrpc),
  atPublicDoor(unreadKeepAlives),
  atPublicDoor(unfinishedCalls),
  atPublicDoor(zipBombStreams),
  atPublicDoor(emptyReportsGrpc),
  atPublicDoor(callsAtOnce),
  silentHandshakes,
  handshakeStorm,
];
