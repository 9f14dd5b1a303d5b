import type { Policy } from "./core/policy.ts";
import type { Clock } from "./service/clock.ts";
import type { IdSource } from "./service/id-source.ts";
import type { Settings } from "./settings/settings.ts";

/** The service with its three doors open. Disposing it drains it first. */
export interface App extends AsyncDisposable {
  /** Where the doors listen, as `host:port`. */
  readonly addresses: Addresses;
  /**
   * Stops serving: health says so, watchers are told, streams end with UNAVAILABLE, sockets close,
   * the store is written and closed. A second call joins the first.
   */
  drain(): Promise<void>;
  /** Settles when the app has drained, whoever asked for it. */
  readonly drained: Promise<void>;
}

export interface Addresses {
  readonly grpc: string;
  readonly http: string;
  readonly ops: string;
}

/** What tests and simulations replace. */
export interface AppOverrides {
  readonly clock?: Clock;
  readonly ids?: IdSource;
  /** The whole policy, instead of the one that the settings give. */
  readonly policy?: Policy;
  /** Receives the log, one JSON line a call, instead of standard output. */
  readonly logTo?: { write(line: string): void };
}

/** Opens the store, recovers, and opens the doors. Rejects with StartFault when it cannot. */
export function startApp(_settings: Settings, _overrides: AppOverrides = {}): Promise<App> {
  throw new Error("not wired");
}
