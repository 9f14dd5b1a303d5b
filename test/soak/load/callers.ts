import { setTimeout as delay } from "node:timers/promises";

import { createClient } from "@connectrpc/connect";

import { ControllerLease, RenegotiationReason } from "../../../src/client/contract.ts";
import { createLeaseClient } from "../../../src/client/index.ts";
import { createNodeTransport } from "../../../src/client/node.ts";
import type { Random } from "../../support/runs/random.ts";
import { type Beach, beachId, type Place } from "./beach.ts";

/** What each caller has. */
export interface Around {
  readonly place: Place;
  readonly beach: Beach;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** Counts what was done, by name. */
  readonly count: (what: string) => void;
}

const tilesPerPage = 3;
const visitMs = { min: 3_000, max: 12_000 } as const;
const ttlMs = 5_000;
const oldEveryMs = 1_000;

/** People who open a page, hold a few leases there, and close it. */
export async function visitPages({ place, beach, random, signal, count }: Around): Promise<void> {
  while (!signal.aborted) {
    const transport = createNodeTransport({ baseUrl: place.httpUrl, protocol: "connect" });
    await using client = createLeaseClient({ transport, ttlMs });
    for (let tiles = 0; tiles < tilesPerPage; tiles += 1) {
      const tile = client.hold({ sessionId: random.pick(beach.sessionIds), passcode: "1234" });
      tile.subscribe(({ kind }) => count(`tile ${kind}`));
    }
    await pause(random.between(visitMs.min, visitMs.max), signal);
    count("page closed");
  }
}

/** A tile from before: posts on a timer, gives the lease back now and then. */
export async function renewAsBefore(around: Around): Promise<void> {
  const { place, beach, random, signal, count } = around;
  while (!signal.aborted) {
    const sessionId = random.pick(beach.sessionIds);
    const url = `${place.httpUrl}/sessions/${sessionId}/controller-handshake`;
    const asked = { passcode: "1234", requester_private_beach_id: beachId };
    const answer = await send(url, "POST", asked, signal);
    count(`old route ${answer?.status ?? "failed"}`);
    const token = answer?.body.controller_token;
    if (token !== undefined && random.chance(0.3)) {
      await send(url, "DELETE", { controller_token: token }, signal);
    }
    await pause(oldEveryMs, signal);
  }
}

/** What goes wrong, and what operators do: once a second or so. */
export async function disturb({ place, beach, random, signal, count }: Around): Promise<void> {
  const transport = createNodeTransport({ baseUrl: place.grpcUrl, protocol: "grpc" });
  const lease = createClient(ControllerLease, transport);
  const disturbances: readonly (readonly [string, (id: string) => unknown])[] = [
    ["connection broken", (id) => beach.breakConnection(id)],
    ["host restarted", (id) => beach.restartHost(id)],
    ["session begun anew", (id) => beach.detach(id)],
    [
      "renegotiated",
      (sessionId) => lease.renegotiate({ sessionId, reason: RenegotiationReason.OPERATOR }),
    ],
    ["wrong token", (sessionId) => lease.renew({ sessionId, controllerToken: "no such token" })],
  ];
  while (!signal.aborted) {
    const [what, act] = random.pick(disturbances);
    try {
      await act(random.pick(beach.sessionIds));
    } catch {
      // It may have been refused, as a wrong token always is.
    }
    count(what);
    await pause(random.between(300, 1_500), signal);
  }
  transport.close();
}

interface Answer {
  readonly status: number;
  readonly body: { readonly controller_token?: string };
}

async function send(
  url: string,
  method: "POST" | "DELETE",
  body: object,
  signal: AbortSignal,
): Promise<Answer | undefined> {
  try {
    const answer = await fetch(url, {
      method,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
    });
    return { status: answer.status, body: (await answer.json()) as Answer["body"] };
  } catch {
    return undefined;
  }
}

async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  await delay(durationMs, undefined, { signal }).catch(() => undefined);
}
