// For pages, in browsers and in Node alike: leases of tiles, and the watch.
export { type Backoff, type BackoffOptions, createBackoff } from "./calls/backoff.ts";
export type { GetBearer } from "./calls/bearer.ts";
export { type CallFailure, callFailure, type EndedBy } from "./calls/call-failure.ts";
export { CallbackError, type OnTrouble } from "./calls/callback.ts";
export { type ClientClock, type Moment, systemClock } from "./calls/clock.ts";
export {
  type BrowserReach,
  createLeaseClient,
  type LeaseClient,
  type LeaseClientOptions,
  type LeaseClientSettings,
  type TransportReach,
} from "./tile/lease-client.ts";
export { type ManagerHandshake, managerHandshake } from "./tile/manager-handshake.ts";
export { browserPage, type PageEvent, type PageEvents } from "./tile/page-events.ts";
export type { TileLease, TileLeaseOptions } from "./tile/tile-lease.ts";
export type {
  HeldLease,
  Relay,
  RenewalOutcome,
  TileLeaseEvent,
  TileLeaseState,
} from "./tile/tile-state.ts";
export type { SharedWatch, WatchListener } from "./watch/shared-watch.ts";
export {
  TransportWatcher,
  type TransportWatcherOptions,
  type Watched,
  type WatchStatus,
} from "./watch/transport-watcher.ts";
