import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";

import { createLeaseClient } from "../../../src/client/index.ts";
import {
  ControllerLease,
  HandshakeKind,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { TransportPath } from "../../../src/gen/beach/controller/v1/transport_pb.js";

/** A minimal tile: takes a lease, renews it on a click, and shows the answers. */
const query = new URLSearchParams(location.search);
const baseUrl = query.get("service") ?? location.origin;
const sessionId = query.get("session") ?? "";
const leases = createClient(ControllerLease, createConnectTransport({ baseUrl }));

async function hold(): Promise<void> {
  const held = await leases.acquire({ sessionId, reason: "tile" });
  const { controllerToken } = held;
  show("lease", `held ${held.offer?.handshakeId ?? ""}`);
  const answers: string[] = [];
  document.querySelector("#renew")?.addEventListener("click", async () => {
    const renewed = await leases.renew({ sessionId, controllerToken });
    answers.push(HandshakeKind[renewed.handshakeKind] ?? "");
    show("answers", answers.join(" "));
  });
}

async function watch(): Promise<void> {
  for await (const { event } of leases.watchTransport({ sessionIds: [sessionId] })) {
    if (event.case !== "state") continue;
    show("path", TransportPath[event.value.path] ?? "");
    show("reason", event.value.lastChangeReason);
    show("generation", String(event.value.generation));
  }
}

function show(id: string, text: string): void {
  const output = document.querySelector(`#${id}`);
  if (output) output.textContent = text;
}

/** Tiles as the library holds them. */
function holdMany(count: number): void {
  const client = createLeaseClient({ baseUrl });
  const tiles = Array.from({ length: count }, () => client.hold({ sessionId }));
  const showHeld = (): void => {
    show("lease", `held ${tiles.filter(({ state }) => state.kind === "held").length}`);
  };
  for (const tile of tiles) tile.subscribe(showHeld);
}

const tiles = Number(query.get("tiles") ?? 0);
if (tiles > 0) holdMany(tiles);
for (const work of tiles > 0 ? [] : [hold(), watch()]) {
  work.catch((error: unknown) => show("trouble", String(error)));
}
