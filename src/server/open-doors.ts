import type { ApiDependencies } from "../api/call/dependencies.ts";
import { createControllerLease } from "../api/controller-lease.ts";
import { createFastPathRegistry } from "../api/fast-path-registry.ts";
import { createLegacyApi } from "../api/legacy/legacy-api.ts";
import type { Door as DoorName } from "../auth/authenticator.ts";
import { ControllerLease } from "../gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../gen/beach/controller/v1/fast_path_registry_pb.js";
import { Health } from "../gen/grpc/health/v1/health_pb.js";
import { routeScopes, rpcScopes } from "../observe/call-scope.ts";
import type { LeastLevel, Logger } from "../observe/log/logger.ts";
import type { LostConnection } from "../observe/lost-connections.ts";
import { callFigures } from "../observe/metrics/call-metrics.ts";
import type { Metrics } from "../observe/metrics/metrics.ts";
import { SharedText } from "../observe/metrics/shared-text.ts";
import type { Tracing } from "../observe/traces/tracing.ts";
import type { ListenAddress } from "../settings/listen-address.ts";
import type { LogLevel } from "../settings/log-levels.ts";
import type { Settings } from "../settings/settings.ts";
import type { SettingName } from "../settings/settings-table.ts";
import { StartFault } from "../settings/start-fault.ts";
import { type ConnectionShares, connectionShares } from "./connections/connection-shares.ts";
import { ConnectionTurns } from "./connections/connection-turns.ts";
import type { CallAfter, ConnectionOptions, Door, Sleep } from "./door.ts";
import { openGrpcDoor } from "./grpc/grpc-door.ts";
import { type Guard, guarded } from "./guard.ts";
import { createHealth } from "./health.ts";
import { Intake } from "./intake/intake.ts";
import { listenFault } from "./listen-fault.ts";
import {
  type BackupOutcome,
  type OpsDoorOptions,
  openOpsDoor,
  type Readiness,
} from "./ops-door.ts";
import { Outbox } from "./outbox.ts";
import { originRule } from "./public/cors-policy.ts";
import type { LegacyRoutesOptions } from "./public/legacy-routes.ts";
import { openPublicDoor } from "./public/public-door.ts";
import { type ServedService, serve } from "./served-service.ts";
import type { TlsIdentities } from "./tls/open-tls.ts";

/** What the doors are made of. */
export interface DoorsOptions {
  readonly settings: Settings;
  readonly tls: TlsIdentities;
  /** What the api stands on, at whichever door. */
  readonly api: Omit<ApiDependencies, "door">;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Undefined where nobody receives traces. */
  readonly tracing: Tracing | undefined;
  /** Aborts when the service begins to drain. */
  readonly closing: AbortSignal;
  readonly readiness: () => Readiness;
  readonly logLevel: LeastLevel<LogLevel>;
  /** An operator asks for a backup of that name. */
  readonly backUp: (name: string) => Promise<BackupOutcome>;
  /** An operator asked for a drain. */
  readonly drain: () => void;
  readonly onLostConnection: (lost: LostConnection) => void;
  /** Where the built page is, if it is. */
  readonly pageFolder: string;
  /** How many files and connections the process may have open. */
  readonly openFilesMax: number;
  readonly sleep: Sleep;
  readonly callAfter: CallAfter;
  /** Milliseconds that never go back. */
  readonly monotonic: () => number;
}

export interface Doors {
  readonly grpc: Door;
  readonly http: Door;
  readonly ops: Door;
}

/** Opens the three doors, or none: what was opened before a fault is closed again. */
export async function openDoors(options: DoorsOptions): Promise<Doors> {
  await using opened = new AsyncDisposableStack();
  const open = async (name: SettingName, listen: ListenAddress, door: Opener): Promise<Door> =>
    opened.adopt(await listening(name, listen, door), (one) => one.cutOff());

  const { settings } = options;
  const turns = new ConnectionTurns(options.api.budgets, options.monotonic, options.sleep);
  const shares = connectionShares(options.openFilesMax);
  const connections = (door: keyof ConnectionShares): ConnectionOptions => ({
    connectionsMax: shares[door],
    onDropped: () => {
      const detail = `it has ${shares[door]} connections, as many as it may`;
      options.onLostConnection({ door, cause: "door_full", detail });
    },
    sleep: options.sleep,
    turns,
  });
  const intake = new Intake(options.api.budgets, turns);
  const outbox = new Outbox(options.api.budgets);
  const closed = new AbortController();
  opened.defer(() => closed.abort());
  const doors = {
    grpc: await open("LEASE_GRPC_LISTEN", settings.grpcListen, (listen) =>
      openGrpcDoor({
        listen,
        tls: options.tls.internal,
        services: servicesAt("internal", options),
        connections: connections("internal"),
        intake,
        outbox,
        callAfter: options.callAfter,
        onTransportError: (detail) =>
          options.onLostConnection({ door: "internal", cause: "transport_error", detail }),
      }),
    ),
    http: await open("LEASE_HTTP_LISTEN", settings.httpListen, (listen) =>
      openPublicDoor({
        listen,
        services: servicesAt("public", options),
        legacy: legacyRoutes(options),
        intake,
        outbox,
        callAfter: options.callAfter,
        mayCall: originRule(settings.corsOrigins, settings.auth.kind),
        pageFolder: options.pageFolder,
        connections: {
          ...connections("public"),
          tls: options.tls.public,
          onTransportError: (detail) =>
            options.onLostConnection({ door: "public", cause: "transport_error", detail }),
        },
        onBug: bugLogger(options.log, "public"),
      }),
    ),
    ops: await open("LEASE_OPS_LISTEN", settings.opsListen, (listen) =>
      openOpsDoor({
        listen,
        readiness: options.readiness,
        logLevel: options.logLevel,
        metrics: exposition(options, closed.signal),
        backUp: options.backUp,
        drain: options.drain,
        figuresOf: (route) => callFigures(options.metrics, "ops", route),
        connections: connections("ops"),
        outbox,
        onBug: bugLogger(options.log, "ops"),
      }),
    ),
  };
  opened.move();
  void outbox.watch(options.sleep, closed.signal);
  return { ...doors, ops: { ...doors.ops, cutOff: () => closeLast(doors.ops, closed) } };
}

/** The operators' door is the last to close. */
function closeLast(ops: Door, closed: AbortController): Promise<void> {
  closed.abort();
  return ops.cutOff();
}

function servicesAt(door: DoorName, options: DoorsOptions): readonly ServedService[] {
  const { log, metrics, closing } = options;
  const api: ApiDependencies = { ...options.api, door };
  const health = createHealth([ControllerLease.typeName, FastPathRegistry.typeName], closing);
  const system = door === "internal" ? "grpc" : "connect_rpc";
  const guard: Guard = {
    closing,
    monotonic: options.monotonic,
    figuresOf: (method) => callFigures(metrics, door, method),
    scopesOf: ({ name: method, parent }) =>
      rpcScopes(options.tracing, { system, service: parent.typeName, method }),
    onBug: (method, err) => log.error({ err, door, method }, "internal error"),
  };
  const services = [
    serve(ControllerLease, createControllerLease(api)),
    serve(FastPathRegistry, createFastPathRegistry(api)),
    serve(Health, health),
  ];
  return services.map((served) => guarded(served, guard));
}

function legacyRoutes({ api, log, metrics, tracing }: DoorsOptions): LegacyRoutesOptions {
  return {
    api: createLegacyApi({ ...api, door: "public" }),
    figuresOf: (route) => callFigures(metrics, "public", route),
    scopesOf: (method, route) => routeScopes(tracing, method, route),
    onBug: bugLogger(log, "public"),
  };
}

function bugLogger(log: Logger, door: string): (error: unknown) => void {
  return (error) => log.error({ err: error, door }, "internal error");
}

/** One answer is read by all who ask together: making it takes milliseconds. */
function exposition(
  { metrics: { registry }, api: { budgets }, sleep }: DoorsOptions,
  closed: AbortSignal,
): OpsDoorOptions["metrics"] {
  const everyMs = budgets.limit("scrape_ms");
  const shared = new SharedText(
    () => registry.metrics(),
    () => sleep(everyMs, closed),
  );
  return { contentType: registry.contentType, text: () => shared.get() };
}

type Opener = (listen: ListenAddress) => Promise<Door>;

/** Opens a door; where the address is at fault, the fault names the setting and the remedy. */
async function listening(name: SettingName, listen: ListenAddress, open: Opener): Promise<Door> {
  try {
    return await open(listen);
  } catch (error) {
    const fault = listenFault(name, listen, error);
    if (fault === undefined) throw error;
    throw new StartFault([fault], { cause: error });
  }
}
