// The React entry. React is the application's own: an optional peer of this package.
export { ControllerLeaseProvider, type ControllerLeaseProviderProps } from "./react/provider.ts";
export type { ControllerLeaseView, LeaseOptions } from "./react/shared-leases.ts";
export { useControllerLease, useWatchStatus } from "./react/use-controller-lease.ts";
