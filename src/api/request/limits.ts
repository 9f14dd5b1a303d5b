/** Sizes beyond which a request is refused; durations and counts of leases are the core's. */
export const limits = {
  idLength: 128,
  reasonLength: 64,
  passcodeLength: 256,
  tokenLength: 256,
  channels: 8,
  channelLength: 64,
  errorLength: 256,
  managerUrlLength: 1024,
  batch: 1000,
  watchedSessions: 1000,
  knownVersions: 10_000,
  namedLeases: 1000,
  pageSize: 1000,
  pageSizeDefault: 100,
  /** Wrong fields that a refusal lists: it travels in a header, of which some peers take 8 KiB. */
  violations: 16,
} as const;
