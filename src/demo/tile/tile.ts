import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";

import { createBackoff } from "../../client/index.ts";
import {
  type AcquireResponse,
  ControllerLease,
  HandshakeKind,
  type RenewResponse,
} from "../../gen/beach/controller/v1/controller_lease_pb.js";
import { parentLine, readConfig, serveParent } from "../beach/child.ts";
import type { TileConfig, TileEvent } from "../beach/messages.ts";

// A tile: holds a controller lease through the public door, as a browser would.

const config = readConfig<TileConfig>();
const line = parentLine<TileEvent>();
const leases = createClient(
  ControllerLease,
  createConnectTransport({ baseUrl: config.httpUrl, httpVersion: "1.1" }),
);
const { sessionId, reason } = config;
const stop = new AbortController();
/** A replica that stands still is not waited for: the next call may go to another. */
const callOptions = { signal: stop.signal, timeoutMs: 5_000 };
const backoff = createBackoff();
let token = "";

async function acquire(): Promise<number> {
  const answer = await leases.acquire({ sessionId, reason, passcode: "beach" }, callOptions);
  token = answer.controllerToken;
  return emitRenewed(answer);
}

async function renew(): Promise<number> {
  return emitRenewed(await leases.renew({ sessionId, controllerToken: token }, callOptions));
}

function emitRenewed(answer: AcquireResponse | RenewResponse): number {
  line.emit({
    kind: "renewed",
    sessionId,
    outcome: answer.handshakeKind === HandshakeKind.RENEGOTIATE ? "renegotiate" : "refresh",
    joined: answer.joined,
    generation: Number(answer.transport?.generation ?? 0n),
    epoch: String(answer.lease?.epoch ?? 0n),
    tokenDigest: createHash("sha256").update(token).digest("base64url"),
  });
  const renewAfter = answer.lease?.renewAfter;
  return config.renewEveryMs ?? (renewAfter === undefined ? 1_000 : durationMs(renewAfter));
}

async function pause(durationMs: number): Promise<void> {
  await delay(durationMs, undefined, { signal: stop.signal }).catch(() => undefined);
}

/** A refused lease has ended: another is acquired. Trouble is waited out. */
async function holdLease(): Promise<void> {
  while (!stop.signal.aborted) {
    try {
      const waitMs = token === "" ? await acquire() : await renew();
      backoff.reset();
      await pause(waitMs);
    } catch (error) {
      if (stop.signal.aborted) return;
      const { code } = ConnectError.from(error);
      line.emit({ kind: "refused", sessionId, reason: Code[code] });
      if (code === Code.FailedPrecondition || code === Code.NotFound) token = "";
      await pause(backoff.nextMs());
    }
  }
}

const holding = holdLease();
serveParent<never>(
  () => undefined,
  async () => {
    stop.abort();
    await holding;
  },
);
line.emit({ kind: "ready" });
