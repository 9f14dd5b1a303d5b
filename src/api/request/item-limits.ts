import type { DescField } from "@bufbuild/protobuf";

import { limits } from "./limits.ts";

/**
 * How many entries the long lists and maps of requests may have. They are counted before a message
 * is read, since reading them is what costs. Short ones are checked with the other fields.
 */
const itemLimits: Readonly<Record<string, number>> = {
  "beach.controller.v1.KeepAliveRequest.renewals": limits.batch,
  "beach.controller.v1.WatchTransportRequest.session_ids": limits.watchedSessions,
  "beach.controller.v1.WatchTransportRequest.known_versions": limits.knownVersions,
  "beach.controller.v1.ReportTransportRequest.reports": limits.batch,
  "beach.controller.v1.RevokeLeasesRequest.lease_ids": limits.namedLeases,
};

/** Undefined for a field that is no list and no map of a request. */
export function itemLimitOf(field: DescField): number | undefined {
  return itemLimits[`${field.parent.typeName}.${field.name}`];
}
