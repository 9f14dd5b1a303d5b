import {
  type HostCommand,
  type HostConfig,
  type HostEvent,
  type ManagerCommand,
  type ManagerConfig,
  type ManagerEvent,
  type NegotiationManners,
  type OldHostConfig,
  type OldHostEvent,
  type OldTileEvent,
  plainManners,
  type TileConfig,
  type TileEvent,
} from "./messages.ts";
import { type Child, startChild } from "./supervise.ts";

export type ManagerProcess = Child<ManagerCommand, ManagerEvent>;
export type HostProcess = Child<HostCommand, HostEvent>;
export type TileProcess = Child<never, TileEvent>;
export type OldHostProcess = Child<never, OldHostEvent>;
export type OldTileProcess = Child<never, OldTileEvent>;

export interface BeachOptions {
  /** The service's internal and public doors. */
  readonly grpcUrl: string;
  readonly httpUrl: string;
  readonly privateBeachId?: string;
  readonly hosts: readonly BeachHost[];
  /** Made by the manager itself; unset: {@link actionsPerSecond}; 0: none. */
  readonly actionsPerSecond?: number;
  readonly oldRenewals?: boolean;
  /** Sessions whose hosts neither watch nor report. */
  readonly oldHosts?: readonly OldHostConfig[];
}

export interface BeachHost {
  readonly sessionIds: readonly string[];
  readonly door?: "grpc" | "connect";
  readonly negotiation?: NegotiationManners;
  /** Each of its sessions is a game. */
  readonly runsGames?: boolean;
}

/** A manager, its hosts and their tiles, each a process of its own. Disposing it ends them all. */
export interface Beach extends AsyncDisposable {
  readonly manager: ManagerProcess;
  readonly managerUrl: string;
  /** The host processes that run now, in the order of the options. */
  readonly hosts: readonly HostProcess[];
  readonly oldHosts: readonly OldHostProcess[];
  /** Starts a host's process anew; the one before is expected to be gone. */
  restartHost(index: number): Promise<HostProcess>;
  startTile(options: Omit<TileConfig, "httpUrl">): TileProcess;
  /** A tile that posts to the old route; to the manager's own when it still has one. */
  startOldTile(sessionId: string, everyMs: number): OldTileProcess;
}

const defaultBeachId = "beach-1";
export const actionsPerSecond = 30;

/** Starts everything, or rejects and leaves nothing behind; so it does when the signal aborts. */
export async function startBeach(
  options: BeachOptions,
  signal: AbortSignal = new AbortController().signal,
): Promise<Beach> {
  const stack = new AsyncDisposableStack();
  try {
    return await Promise.race([assemble(options, stack, signal), aborted(signal)]);
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

async function assemble(
  options: BeachOptions,
  stack: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<Beach> {
  signal.throwIfAborted();
  const { grpcUrl, httpUrl } = options;
  const manager = stack.use(startManager(options));
  const { url: managerUrl } = await manager.when((event) => event.kind === "ready");
  signal.throwIfAborted();
  const startHost = async (host: BeachHost): Promise<HostProcess> => {
    const process = stack.use(
      startChild<HostCommand, HostEvent>("../host/host.ts", [
        JSON.stringify(hostConfig(options, host, managerUrl)),
      ]),
    );
    await process.when((event) => event.kind === "ready");
    return process;
  };
  const hosts = await Promise.all(options.hosts.map(startHost));
  const oldHosts = (options.oldHosts ?? []).map((config) =>
    stack.use(startChild<never, OldHostEvent>("../host/old-host.ts", [JSON.stringify(config)])),
  );
  return {
    manager,
    managerUrl,
    hosts,
    oldHosts,
    restartHost: async (index) => {
      const host = options.hosts[index];
      if (host === undefined) throw new RangeError(`there is no host ${index}`);
      const process = await startHost(host);
      hosts[index] = process;
      return process;
    },
    startTile: (tile) =>
      stack.use(
        startChild<never, TileEvent>(
          "../tile/tile.ts",
          [JSON.stringify({ ...tile, httpUrl })],
          tile.reason,
        ),
      ),
    startOldTile: (sessionId, everyMs) => {
      const base = options.oldRenewals === true ? managerUrl : httpUrl;
      const url = `${base}/sessions/${sessionId}/controller-handshake`;
      return stack.use(
        startChild<never, OldTileEvent>("../tile/old-tile.ts", [url, "beach", String(everyMs)]),
      );
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };

  function startManager({
    privateBeachId = defaultBeachId,
    hosts,
    actionsPerSecond: made = actionsPerSecond,
    oldRenewals,
    oldHosts = [],
  }: BeachOptions): ManagerProcess {
    const config: ManagerConfig = {
      grpcUrl,
      httpUrl,
      privateBeachId,
      sessionIds: [
        ...hosts.flatMap((host) => host.sessionIds),
        ...oldHosts.map(({ sessionId }) => sessionId),
      ],
      requiredChannels: ["mgr-actions"],
      actionsPerSecond: made,
      oldRenewals: oldRenewals === true,
      hostReports: oldHosts.length === 0,
    };
    return startChild<ManagerCommand, ManagerEvent>("../manager/manager.ts", [
      JSON.stringify(config),
    ]);
  }
}

function hostConfig(
  { grpcUrl, httpUrl }: BeachOptions,
  { sessionIds, door = "grpc", negotiation = plainManners, runsGames = false }: BeachHost,
  managerUrl: string,
): HostConfig {
  return { grpcUrl, httpUrl, door, managerUrl, sessionIds, negotiation, runsGames };
}
