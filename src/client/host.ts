// For the hosts of sessions.
export { type Backoff, type BackoffOptions, createBackoff } from "./calls/backoff.ts";
export { CallbackError, type OnTrouble } from "./calls/callback.ts";
export { type ClientClock, systemClock } from "./calls/clock.ts";
export { HostFollower, type HostFollowerOptions } from "./host/host-follower.ts";
export type { PollerDirective } from "./host/poller-directive.ts";
export type {
  ChannelObservation,
  ConnectionObservation,
  ReportedConnection,
  ReportedHandshake,
} from "./report/reported-connection.ts";
export type { AttachSession } from "./report/session-attacher.ts";
export { TransportReporter, type TransportReporterOptions } from "./report/transport-reporter.ts";
