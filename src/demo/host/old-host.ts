import { setTimeout as delay } from "node:timers/promises";

import { createLog, parentLine, readConfig, serveParent } from "../beach/child.ts";
import type { OldHostConfig, OldHostEvent } from "../beach/messages.ts";
import { acksLabel, actionsLabel, channelLabels, endWebrtc, PeerLink } from "../beach/peer-link.ts";

// An old host: polls Beach Road for control messages, and attaches by what they name.

const { roadUrl, sessionId } = readConfig<OldHostConfig>();
const log = createLog("old-host");
const line = parentLine<OldHostEvent>();
const stop = new AbortController();
const links = new Map<string, PeerLink>();
const pollEveryMs = 200;

/** What a `manager_handshake` says that matters here. */
interface ManagerHandshake {
  readonly manager_url: string;
  readonly controller_token: string;
  readonly controller_auto_attach?: {
    readonly attach_code?: string;
    readonly handshake_id?: string;
  };
}

interface ControlMessages {
  readonly messages: readonly { readonly kind: string; readonly payload: ManagerHandshake }[];
}

async function poll(): Promise<void> {
  for (let seen = 0; !stop.signal.aborted; ) {
    const messages = await fetchMessages(seen).catch(() => []);
    seen += messages.length;
    for (const { kind, payload } of messages) {
      if (kind !== "manager_handshake") continue;
      await attach(payload).catch((error) => log.info({ error: String(error) }, "cannot attach"));
    }
    await delay(pollEveryMs, undefined, { signal: stop.signal }).catch(() => undefined);
  }
}

async function fetchMessages(after: number): Promise<ControlMessages["messages"]> {
  const url = `${roadUrl}/sessions/${sessionId}/control?after=${after}`;
  const answer = await fetch(url, { signal: stop.signal });
  return ((await answer.json()) as ControlMessages).messages;
}

/** A handshake that is known already is not begun again: messages come more than once. */
async function attach({
  manager_url,
  controller_auto_attach: hint,
}: ManagerHandshake): Promise<void> {
  const handshakeId = hint?.handshake_id;
  if (handshakeId === undefined || links.has(handshakeId)) return;
  const link = new PeerLink({
    sessionId,
    handshakeId,
    onChange: (_, what) => {
      line.emit({ kind: "link", sessionId, handshakeId, what });
      if (what === `${actionsLabel} ready`) log.info("fast path controller channel ready");
    },
    onMessage: (from, label, text) => {
      if (label !== actionsLabel) return;
      const { sequence } = JSON.parse(text) as { sequence: number };
      line.emit({ kind: "applied", sequence });
      from.send(acksLabel, JSON.stringify({ acked: sequence }));
    },
  });
  links.set(handshakeId, link);
  const answer = await fetch(`${manager_url}/sessions/${sessionId}/webrtc/offer`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-beach-handshake-id": handshakeId },
    body: JSON.stringify({ handshake_id: handshakeId, sdp: await link.offer(channelLabels) }),
    signal: stop.signal,
  });
  if (!answer.ok) throw new Error(`the manager answered ${answer.status}`);
  link.accept(((await answer.json()) as { sdp: string }).sdp);
}

const polling = poll();
serveParent<never>(
  () => undefined,
  async () => {
    stop.abort();
    await polling;
    for (const link of links.values()) link.close();
    endWebrtc();
  },
);
line.emit({ kind: "ready" });
