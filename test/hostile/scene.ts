import { setTimeout as delay } from "node:timers/promises";

import type { Client } from "@connectrpc/connect";

import { ControllerLease } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { type Certificates, issueCertificate, trust } from "../support/network/certificates.ts";
import { type SpawnedService, spawnService } from "../support/process/run-service.ts";
import { storeFolder } from "../support/store/store-files.ts";
import type { ServiceUnder } from "./attack.ts";
import { Attackers } from "./attackers.ts";
import {
  type Called,
  hold,
  KeepAliveCaller,
  type SteadyCaller,
  startProbes,
  startRenewals,
} from "./beach/good-callers.ts";
import { type FastPathSeen, GoodFastPath } from "./beach/good-fast-path.ts";
import { GoodWatches } from "./beach/good-watches.ts";
import { gapsIn, type RecordedGap } from "./judging/gaps.ts";
import { Inspector, inspectorEnv } from "./judging/inspector.ts";
import { figuresOf, type ServiceFigures } from "./judging/metrics.ts";
import { ProcessWatch } from "./judging/process-watch.ts";
import { type LongestTurn, TurnMeter } from "./judging/turn-meter.ts";

/** What the well-behaved beach and the service have shown over a stretch. */
export interface Seen {
  /** Every renewal, in ms. */
  readonly renewalMs: readonly number[];
  readonly failures: readonly string[];
  /** How many were recorded, and what the log says of each. */
  readonly gaps: number;
  readonly loggedGaps: readonly RecordedGap[];
  readonly largestPauseMs: number;
  readonly longestTurn: LongestTurn;
  readonly figures: ServiceFigures | undefined;
}

/** The service in a process of its own, with a well-behaved beach on all of its doors. */
export interface Scene extends AsyncDisposable {
  readonly service: SpawnedService;
  readonly process: ProcessWatch;
  readonly inspector: Inspector;
  readonly attackers: Attackers;
  /** Begins a stretch, which is what {@link end} tells of. */
  begin(): Promise<void>;
  end(): Promise<Seen>;
  /** What the process holds in memory once its garbage has been collected. */
  heldBytes(): Promise<number>;
}

/** Renewals of batches of this size, before anything is measured: a process that was idle is small. */
const warmUp = { batches: 10, renewals: 1_000 } as const;

const collectMsMax = 30_000;

export async function openScene(under: ServiceUnder = {}): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await storeFolder());
  const tls = under.hasTls ? stack.use(await trustedCertificate()) : undefined;
  const service = stack.use(
    await spawnService(
      {
        ...inspectorEnv,
        LEASE_STORE_URL: `sqlite:${folder.storePath}`,
        ...(tls && { LEASE_HTTP_TLS_CERT: tls.certificate, LEASE_HTTP_TLS_KEY: tls.key }),
        ...under.env,
      },
      { openFilesMax: under.openFilesMax },
    ),
  );
  const watched = stack.use(new ProcessWatch(service.pid));
  const fastPath = stack.use(
    await GoodFastPath.start(service, tls === undefined ? "connect" : "grpc"),
  );
  const lease = await hold(service, "good-keep-alive");
  await warm(service.lease, lease);
  if (tls !== undefined) await warm(service.client(ControllerLease, service.connect), lease);
  const watches = stack.use(await GoodWatches.open(service));
  const keepAlive = stack.use(new KeepAliveCaller(service, lease));
  const renewals = await startRenewals(service);
  for (const caller of renewals) stack.use(caller);
  const probes = stack.use(startProbes(service));
  const inspector = stack.use(await Inspector.attach(service.stderr));
  const turns = await TurnMeter.start(inspector);
  const attackers = stack.use(new Attackers());
  const parts = {
    service,
    watched,
    attackers,
    inspector,
    turns,
    fastPath,
    watches,
    keepAlive,
    renewals,
    probes,
  };
  const moved = stack.move();
  return { ...stretches(parts), [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

/** One that the good beach of this process trusts. */
async function trustedCertificate(): Promise<Certificates> {
  const issued = await issueCertificate("IP:127.0.0.1");
  trust(issued);
  return issued;
}

interface Parts {
  readonly service: SpawnedService;
  readonly watched: ProcessWatch;
  readonly inspector: Inspector;
  readonly turns: TurnMeter;
  readonly attackers: Attackers;
  readonly fastPath: GoodFastPath;
  readonly watches: GoodWatches;
  readonly keepAlive: KeepAliveCaller;
  readonly renewals: readonly SteadyCaller[];
  readonly probes: SteadyCaller;
}

function stretches(parts: Parts): Omit<Scene, keyof AsyncDisposable> {
  const {
    service,
    watched,
    attackers,
    inspector,
    turns,
    fastPath,
    watches,
    keepAlive,
    renewals,
    probes,
  } = parts;
  const metricsUrl = service.opsUrl("/metrics");
  let gapsBefore = 0;
  let linesBefore = 0;
  let since: Awaited<ReturnType<GoodFastPath["begin"]>>;
  const takeCalls = (): Called => {
    const all = renewals.map((caller) => caller.take());
    return {
      tookMs: all.flatMap(({ tookMs }) => tookMs),
      failures: [...all.flatMap(({ failures }) => failures), ...probes.take().failures],
    };
  };
  return {
    service,
    process: watched,
    inspector,
    attackers,
    async begin() {
      since = await fastPath.begin();
      gapsBefore = (await figuresOf(metricsUrl)).gaps;
      linesBefore = service.stdout.length;
      takeCalls();
      keepAlive.take();
      watched.begin();
      await turns.take();
    },
    async end() {
      await Promise.all([...renewals, probes].map((caller) => caller.settle()));
      const path: FastPathSeen = await fastPath.since(since);
      const { tookMs, failures } = takeCalls();
      const longestTurn = await turns.take();
      const figures = await figuresOf(metricsUrl).catch(() => undefined);
      const unheard = await watches.look().catch((error: unknown) => [`change: ${String(error)}`]);
      return {
        renewalMs: tookMs,
        failures: [...failures, ...keepAlive.take(), ...unheard, ...path.failures],
        gaps: (figures?.gaps ?? gapsBefore) - gapsBefore,
        loggedGaps: gapsIn(service.stdout.slice(linesBefore), watched),
        largestPauseMs: path.largestPauseMs,
        longestTurn,
        figures,
      };
    },
    async heldBytes() {
      // A loop that stands still for that long has been judged for it already.
      await Promise.race([inspector.collect(), delay(collectMsMax, undefined, { ref: false })]);
      return watched.residentBytes;
    },
  };
}

/** Has the process reach the size that it has in use. */
async function warm(
  lease: Client<typeof ControllerLease>,
  renewal: { readonly sessionId: string; readonly controllerToken: string },
): Promise<void> {
  const renewals = Array.from({ length: warmUp.renewals }, () => renewal);
  const messages = async function* (): AsyncGenerator<{ renewals: (typeof renewal)[] }> {
    for (let batch = 0; batch < warmUp.batches; batch += 1) {
      yield { renewals };
      await delay(1);
    }
  };
  for await (const { results } of lease.keepAlive(messages())) {
    if (results.length !== warmUp.renewals) throw new Error("the warm-up was not answered");
  }
}
