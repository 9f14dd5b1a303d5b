// What a host and a manager need to live with the service.
export {
  type Backoff,
  type BackoffOptions,
  createBackoff,
  defaultBackoff,
} from "./backoff.ts";
export { CallbackError, type OnTrouble } from "./callback.ts";
export { HostFollower, type HostFollowerOptions, type PollerDirective } from "./host-follower.ts";
export type {
  ChannelObservation,
  ConnectionObservation,
  ReportedConnection,
  ReportedHandshake,
} from "./reported-connection.ts";
export type { AttachSession } from "./session-attacher.ts";
export { TransportReporter, type TransportReporterOptions } from "./transport-reporter.ts";
export { TransportWatcher, type TransportWatcherOptions } from "./transport-watcher.ts";
