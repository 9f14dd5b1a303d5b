import { randomBytes } from "node:crypto";
import { stat } from "node:fs/promises";

import { type BudgetLimits, Budgets } from "./budget/budgets.ts";
import { CallRates } from "./budget/call-rates.ts";
import { Places } from "./budget/places.ts";
import { type Policy, reportEveryMs } from "./core/policy.ts";
import { FilesReadAnew } from "./files-read-anew.ts";
import { giveMemoryBack } from "./give-memory-back.ts";
import { withoutPretenuring } from "./no-pretenuring.ts";
import { type Logger, type LogTarget, leastLevelOf, openLog } from "./observe/log/logger.ts";
import { observeLostConnections } from "./observe/lost-connections.ts";
import { exposeBudgets } from "./observe/metrics/budget-metrics.ts";
import { createMetrics, type Metrics } from "./observe/metrics/metrics.ts";
import {
  exposeCertificates,
  exposeFleet,
  exposeOutbox,
  exposeReadiness,
  exposeStore,
  exposeWatches,
} from "./observe/metrics/scraped-metrics.ts";
import { observeEvents } from "./observe/observe-events.ts";
import { observeRoad } from "./observe/observe-road.ts";
import { timeStore } from "./observe/time-store.ts";
import { roadSpans, type Tracing } from "./observe/traces/tracing.ts";
import { openAuth } from "./open-auth.ts";
import { openFilesMax } from "./open-files.ts";
import { readinessOf, readyParts } from "./readiness.ts";
import { openRoad } from "./road/open-road.ts";
import { type Addresses, type App, RunningApp } from "./running-app.ts";
import { type DoorsOptions, openDoors } from "./server/open-doors.ts";
import type { BackupOutcome, Readiness } from "./server/ops-door.ts";
import { builtPage } from "./server/public/page-routes.ts";
import { openTls } from "./server/tls/open-tls.ts";
import { controllerTokens } from "./service/controller-tokens.ts";
import { policyFor } from "./service/fleet/fleet-of.ts";
import { type IdSource, randomIds } from "./service/id-source.ts";
import type { ControllerTokens } from "./service/lease-service.ts";
import type { ServiceObserver } from "./service/service-events.ts";
import {
  createSessionService,
  type SessionService,
  type SessionServiceDeps,
} from "./service/session-service.ts";
import { type SessionStore, type StoreFailure, StoreUnavailable } from "./service/session-store.ts";
import { type Clock, callAfter, monotonicMs, systemClock } from "./service/time/clock.ts";
import type { Settings } from "./settings/settings.ts";
import { settingsWarnings } from "./settings/settings-warnings.ts";
import { StartFault } from "./settings/start-fault.ts";
import { type OpenedStore, openStore, placeName } from "./store/open-store.ts";
import { BackupRefused } from "./store/sqlite/sqlite-backup.ts";
import type { SqliteSessionStore } from "./store/sqlite/sqlite-store.ts";
import { loadOrCreateTokenKey, tokenKeyPathFor } from "./store/token-key-file.ts";
import { storeFault } from "./store-fault.ts";

export type { Addresses, App };

/** What tests and simulations replace. */
export interface AppOverrides {
  readonly clock?: Clock;
  readonly ids?: IdSource;
  /** The whole policy, instead of the one that the settings give. */
  readonly policy?: Policy;
  /** Other numbers than those of the table of budgets. */
  readonly budgets?: BudgetLimits;
  /** Receives the log, one JSON line a call, instead of standard output. */
  readonly logTo?: { write(line: string): void };
  /** Another place of the built page. */
  readonly pageFolder?: string;
  /** How long to wait for another process that holds the store; 15 s. */
  readonly lockWaitMs?: number;
}

/** Opens the store, recovers, and opens the doors. Rejects with StartFault when it cannot. */
export async function startApp(settings: Settings, overrides: AppOverrides = {}): Promise<App> {
  withoutPretenuring();
  await using resources = new AsyncDisposableStack();
  const metrics = createMetrics();
  const { log, flushed } = openLog(settings.logLevel, logTarget(overrides), (lines) =>
    metrics.droppedLogLines.add(lines),
  );
  const budgets = new Budgets(overrides.budgets);
  exposeBudgets(metrics, budgets);
  const observe = observeEvents(log, metrics);
  const closing = new AbortController();
  const { store, clock } = await openStoreAt(settings, overrides, { log, observe });
  resources.use(store);
  const tracing = await tracingOf(settings, resources);
  timeStore(store, { metrics, tracing, now: monotonicMs });
  const policy = policyFor(store, overrides.policy ?? settings.policy);
  const machine = machineOf(overrides);
  const wall = (): number => clock.wall();
  const seen = { observe: observeRoad(log, metrics), trace: roadSpans(tracing) };
  const { carrier, ...road } = openRoad({ ...settings, ...seen, wall });
  const deps: SessionServiceDeps = {
    store,
    clock,
    ids: overrides.ids ?? randomIds,
    policy,
    tokens: await tokensFor(settings, store),
    budgets,
    observe,
    carrier,
  };
  const service = resources.use(await createSessionService(deps).catch(asStartFault));
  expose(service, metrics);
  log.info({ store: placeName(settings.store), sessions: await countOf(service) }, "recovered");
  logSettings(settings, log);
  const files = new FilesReadAnew(log);
  const { authenticator, keys } = await openAuth(settings, { clock, log, closing, files });
  const tls = await openTls(settings, wall);
  for (const identity of [tls.internal, tls.public]) if (identity) files.add(identity);
  exposeCertificates(metrics, tls);
  const readiness = (): Readiness => readinessOf({ service, keys, closing: closing.signal });
  exposeReadiness(metrics, readyParts, readiness);

  let app: App | undefined;
  const doors = await openDoors({
    settings,
    tls,
    api: {
      service,
      authenticator,
      ...road,
      budgets,
      callRates: new CallRates(budgets),
      pagePlaces: new Places(budgets, "pages_made_at_once"),
      defaultManagerUrl: settings.managerUrl,
      holdMsMax: policy.holdMsMax,
      reportEveryMs: reportEveryMs(policy),
      onReportedError: ({ sessionId, end, text }) =>
        log.debug({ session: sessionId, end, text }, "an end reported an error"),
      onItemFailed: (failure) => observe({ kind: "failed", where: "batch", ...failure }),
    },
    log,
    metrics,
    tracing,
    closing: closing.signal,
    readiness,
    logLevel: leastLevelOf(log),
    backUp: (name) => backUp(store, name, log),
    drain: () => void app?.drain(),
    onLostConnection: observeLostConnections(log, metrics, () => clock.now()),
    ...machine,
  });
  void giveMemoryBack({ sleep: machine.sleep, signal: closing.signal });
  const parts = { doors, service, closing, log, flushed, observe, files };
  app = new RunningApp({ ...parts, resources: resources.move() });
  return app;
}

/** Nothing of it is loaded where nobody receives traces. */
async function tracingOf(
  { traces }: Settings,
  resources: AsyncDisposableStack,
): Promise<Tracing | undefined> {
  if (traces === undefined) return undefined;
  const { startTracing } = await import("./observe/traces/start-tracing.ts");
  return resources.use(startTracing(traces));
}

/** What is looked up at each scrape. */
function expose(service: SessionService, metrics: Metrics): void {
  exposeFleet(metrics, () => service.summarize(undefined));
  exposeStore(metrics, () => ({ away: service.reach.away, faults: service.storeFaults.length }));
  exposeWatches(metrics, () => service.watchFigures);
  exposeOutbox(metrics, () => service.deliveryBacklog);
}

/** What of the machine the doors use: its time, whatever clock the service runs on, and its files. */
function machineOf({
  pageFolder = builtPage,
}: AppOverrides): Pick<
  DoorsOptions,
  "monotonic" | "sleep" | "callAfter" | "openFilesMax" | "pageFolder"
> {
  return {
    callAfter,
    monotonic: monotonicMs,
    sleep: (durationMs, signal) => systemClock().sleep(durationMs, signal),
    openFilesMax: openFilesMax(),
    pageFolder,
  };
}

function logTarget({ logTo }: AppOverrides): LogTarget {
  if (logTo !== undefined) return { kind: "stream", stream: logTo };
  return { kind: process.stdout.isTTY ? "pretty" : "json" };
}

async function openStoreAt(
  { store: place, redisAckReplicas: acknowledgements, redisWaitMs }: Settings,
  { clock, lockWaitMs }: AppOverrides,
  { log, observe }: { readonly log: Logger; readonly observe: ServiceObserver },
): Promise<OpenedStore> {
  const onFailure = (failure: StoreFailure): void => observe({ kind: "failed", ...failure });
  const onRedisWait = (why: string, remainingMs: number): void =>
    log.warn({ why, wait_ms_max: remainingMs }, "Redis is not there yet; waiting for it");
  const onLockWait = (path: string, remainingMs: number): void =>
    log.info({ path, wait_ms_max: remainingMs }, "another process holds the store; waiting for it");
  try {
    const callbacks = { onLockWait, onRedisWait, onFailure };
    return await openStore(place, {
      clock,
      lockWaitMs,
      acknowledgements,
      redisWaitMs,
      ...callbacks,
    });
  } catch (error) {
    return asStartFault(error);
  }
}

async function backUp(store: OpenStore, name: string, log: Logger): Promise<BackupOutcome> {
  if (!("backUp" in store)) {
    return { kind: "refused", why: "LEASE_STORE_URL names no file: back up what it names instead" };
  }
  log.info({ name }, "backup begun");
  try {
    const path = await store.backUp(name);
    const { size: bytes } = await stat(path);
    log.info({ path, bytes }, "backup done");
    return { kind: "done", path, bytes };
  } catch (error) {
    if (error instanceof BackupRefused) return { kind: error.kind, why: error.message };
    if (error instanceof StoreUnavailable) return { kind: "refused", why: error.message };
    throw error;
  }
}

function asStartFault(error: unknown): never {
  const fault = storeFault(error);
  if (fault === undefined) throw error;
  throw new StartFault([fault], { cause: error });
}

type OpenStore = SessionStore | SqliteSessionStore;

async function tokensFor(settings: Settings, store: OpenStore): Promise<ControllerTokens> {
  const { tokenKeyPrevious: previous } = settings;
  return controllerTokens(
    await tokenKeyOf(settings, store),
    previous === undefined ? undefined : Buffer.from(previous),
  );
}

async function tokenKeyOf(
  { tokenKey, store: place }: Settings,
  store: OpenStore,
): Promise<Uint8Array> {
  if (tokenKey !== undefined) return Buffer.from(tokenKey);
  if (place.kind !== "sqlite" || !("path" in store)) return randomBytes(32);
  try {
    return await loadOrCreateTokenKey(tokenKeyPathFor(store.path, place.path));
  } catch (error) {
    return asStartFault(error);
  }
}

/** What an operator may not know of, or not have meant. */
function logSettings(settings: Settings, log: Logger): void {
  noteServiceLinks(settings, log);
  for (const warning of settingsWarnings(settings)) log.warn(warning);
}

function noteServiceLinks({ linkedServices: services }: Settings, log: Logger): void {
  if (services.length === 0) return;
  log.info({ services }, "ignored service links in the environment");
}

/** How many sessions there are; undefined while not all of the store can be reached. */
async function countOf(service: SessionService): Promise<number | undefined> {
  try {
    return (await service.summarize(undefined)).sessions;
  } catch (error) {
    if (error instanceof StoreUnavailable) return undefined;
    throw error;
  }
}
