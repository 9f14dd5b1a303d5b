import { readFileSync } from "node:fs";

import { issueCertificate } from "../support/network/certificates.ts";
import { spawnService } from "../support/process/run-service.ts";
import { storeFolder } from "../support/store/store-files.ts";
import { openStreams, type StreamingDoor } from "./watch-streams.ts";

/** What came of a drain. */
export interface Drained {
  /** Of each door, how many of its streams ended in which way. */
  readonly ways: Readonly<Record<StreamingDoor["protocol"], ReadonlyMap<string, number>>>;
  /** From the signal on. */
  readonly lastStreamMs: number;
  readonly exitMs: number;
  readonly exitCode: number | null;
}

/**
 * The ways in which streams may end. Told comes first; one that a starved machine has not told within
 * the grace of the drain still ends with UNAVAILABLE.
 */
export const rightWays = {
  gRPC: { told: "draining, 14", untold: "bookmark, 14" },
  Connect: { told: "draining, unavailable", untold: "bookmark, unavailable" },
} as const;

/** How long a drain may take as a whole. */
export const promisedMs = 10_000;

const sessions = 100;

/**
 * Drains a process of the service by SIGTERM, with so many watch streams open over gRPC at the internal
 * door and as many over Connect and HTTP/2 at the public one.
 */
export async function drainUnder(streamsPerDoor: number): Promise<Drained> {
  await using certificate = await issueCertificate("IP:127.0.0.1");
  await using folder = await storeFolder();
  await using service = await spawnService({
    LEASE_STORE_URL: `sqlite:${folder.storePath}`,
    LEASE_LOG_LEVEL: "warn",
    LEASE_HTTP_TLS_CERT: certificate.certificate,
    LEASE_HTTP_TLS_KEY: certificate.key,
  });
  const { grpc, http } = service.addresses;
  const sessionIds = Array.from({ length: sessions }, (_, index) => `drain-${index}`);
  await Promise.all(
    sessionIds.map((sessionId) =>
      service.registry.attachSession({ sessionId, privateBeachId: "b" }),
    ),
  );
  const ca = readFileSync(certificate.authority, "utf8");
  const open = (door: StreamingDoor): ReturnType<typeof openStreams> =>
    openStreams(door, streamsPerDoor, sessionIds);
  using internal = await open({ url: `http://${grpc}`, protocol: "gRPC" });
  using external = await open({ url: `https://${http}`, protocol: "Connect", ca });

  const asked = performance.now();
  const sinceAsked = (): number => performance.now() - asked;
  const exited = service.stop().then(({ code }) => ({ exitCode: code, exitMs: sinceAsked() }));
  const [gRPC, Connect] = await Promise.all([waysOf(internal), waysOf(external)]);
  const lastStreamMs = sinceAsked();
  return { ways: { gRPC, Connect }, lastStreamMs, ...(await exited) };
}

async function waysOf({
  streams,
}: Awaited<ReturnType<typeof openStreams>>): Promise<ReadonlyMap<string, number>> {
  const ways = new Map<string, number>();
  for (const { ended } of streams) {
    const way = await ended;
    ways.set(way, (ways.get(way) ?? 0) + 1);
  }
  return ways;
}
