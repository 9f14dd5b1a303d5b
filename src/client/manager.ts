// For Beach Manager, and whoever renews leases for many.
export { type Backoff, type BackoffOptions, createBackoff } from "./calls/backoff.ts";
export { type CallFailure, callFailure, type EndedBy } from "./calls/call-failure.ts";
export { CallbackError, type OnTrouble } from "./calls/callback.ts";
export { type ClientClock, systemClock } from "./calls/clock.ts";
export type { LeaseCheck } from "./manager/lease-checks.ts";
export type { KeptLease } from "./manager/lease-keeper.ts";
export {
  ManagerClient,
  type ManagerClientOptions,
  type ServedSession,
} from "./manager/manager-client.ts";
export type { Renewal } from "./manager/renewal-stream.ts";
export type {
  ChannelObservation,
  ConnectionObservation,
  ReportedConnection,
  ReportedHandshake,
} from "./report/reported-connection.ts";
