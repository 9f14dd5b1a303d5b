export type SettingName = `LEASE_${string}`;

/** One setting as people read about it; {@link settingsTable} holds them all. */
export interface Setting {
  readonly name: SettingName;
  /** Empty: none. */
  readonly default: string;
  readonly type: "address" | "url" | "path" | "key" | "word" | "list" | "ms" | "count";
  readonly meaning: string;
  /** Its value appears in no log and no message. */
  readonly secret?: true;
}

/** Every setting there is: the parser, `--help` and the README's table all read it here. */
export const settingsTable: readonly Setting[] = [
  {
    name: "LEASE_GRPC_LISTEN",
    default: "127.0.0.1:50051",
    type: "address",
    meaning: "Internal door: gRPC for Beach Manager, with health and reflection.",
  },
  {
    name: "LEASE_HTTP_LISTEN",
    default: "127.0.0.1:8090",
    type: "address",
    meaning: "Public door: Connect, gRPC-Web and the old JSON routes.",
  },
  {
    name: "LEASE_OPS_LISTEN",
    default: "127.0.0.1:9464",
    type: "address",
    meaning: "Operators' door: /healthz, /readyz, /metrics, /log-level, POST /backup, POST /drain.",
  },
  {
    name: "LEASE_GRPC_TLS_CERT",
    default: "",
    type: "path",
    meaning:
      "PEM file with the internal door's certificate and its chain. Without it, no TLS there.",
  },
  {
    name: "LEASE_GRPC_TLS_KEY",
    default: "",
    type: "path",
    meaning: "PEM file with the key of that certificate, without a passphrase.",
  },
  {
    name: "LEASE_GRPC_TLS_CLIENT_CA",
    default: "",
    type: "path",
    meaning:
      "PEM file with the authority of callers' certificates at the internal door: it takes no caller without one, and who has one needs no bearer.",
  },
  {
    name: "LEASE_HTTP_TLS_CERT",
    default: "",
    type: "path",
    meaning: "PEM file with the public door's certificate and its chain. Without it, no TLS there.",
  },
  {
    name: "LEASE_HTTP_TLS_KEY",
    default: "",
    type: "path",
    meaning: "PEM file with the key of that certificate, without a passphrase.",
  },
  {
    name: "LEASE_STORE_URL",
    default: "sqlite:data/controller-lease.db",
    type: "url",
    meaning:
      "Where sessions live: sqlite:path, redis://host:port (rediss: with TLS) for several processes, or memory:.",
  },
  {
    name: "LEASE_TOKEN_KEY",
    default: "",
    type: "key",
    meaning:
      "Derives controller tokens; needed with Redis. Without one, a file beside the SQLite file holds a key.",
    secret: true,
  },
  {
    name: "LEASE_TOKEN_KEY_PREVIOUS",
    default: "",
    type: "key",
    meaning: "The previous key; its tokens stay valid while their leases live.",
    secret: true,
  },
  {
    name: "LEASE_AUTH",
    default: "dev",
    type: "word",
    meaning:
      "Who may call: jwt requires bearers; dev allows everything, and binds to loopback only.",
  },
  {
    name: "LEASE_AUTH_JWKS_URL",
    default: "",
    type: "url",
    meaning: "URL of the key set that verifies bearers, such as Beach Gate's.",
  },
  {
    name: "LEASE_AUTH_JWKS_FILE",
    default: "",
    type: "path",
    meaning: "The same key set in a file, read again every five minutes and on SIGHUP.",
  },
  {
    name: "LEASE_AUTH_ISSUER",
    default: "",
    type: "word",
    meaning: "Issuer of bearers: their claim iss.",
  },
  {
    name: "LEASE_AUTH_AUDIENCE",
    default: "",
    type: "word",
    meaning: "Audience of bearers: their claim aud.",
  },
  {
    name: "LEASE_PUBLISH_TOKEN_SECRET",
    default: "",
    type: "key",
    meaning: "Secret of the publish tokens that hosts report and watch with.",
    secret: true,
  },
  {
    name: "LEASE_CORS_ORIGINS",
    default: "",
    type: "list",
    meaning: "Origins of pages that may call, separated by commas; with dev also loopback's.",
  },
  {
    name: "LEASE_MANAGER_URL",
    default: "http://127.0.0.1:8080",
    type: "url",
    meaning: "Manager URL in offers when the attach named none.",
  },
  {
    name: "LEASE_ROAD_URL",
    default: "",
    type: "url",
    meaning:
      "Beach Road, which judges passcodes and brings handshakes to hosts that do not watch. Without it, dev takes any passcode and jwt none.",
  },
  {
    name: "LEASE_TTL_MS",
    default: "30000",
    type: "ms",
    meaning: "Default lease ttl.",
  },
  {
    name: "LEASE_TTL_MIN_MS",
    default: "5000",
    type: "ms",
    meaning: "Shortest lease ttl; a smaller one is raised to it.",
  },
  {
    name: "LEASE_TTL_MAX_MS",
    default: "300000",
    type: "ms",
    meaning: "Longest lease ttl; a larger one is cut to it.",
  },
  {
    name: "LEASE_OLD_ROUTES_TTL_MIN_MS",
    default: "10000",
    type: "ms",
    meaning: "Shortest lease ttl on the old routes, whose clients renew at most every 5 s.",
  },
  {
    name: "LEASE_NEGOTIATION_TIMEOUT_MS",
    default: "15000",
    type: "ms",
    meaning: "A handshake that is not confirmed for this long is abandoned.",
  },
  {
    name: "LEASE_EVIDENCE_STALE_MS",
    default: "10000",
    type: "ms",
    meaning: "Silence of an end after which its evidence is stale, and still usable.",
  },
  {
    name: "LEASE_EVIDENCE_LOST_MS",
    default: "30000",
    type: "ms",
    meaning: "Silence of both ends after which the fast path counts as lost.",
  },
  {
    name: "LEASE_RETIRE_LINGER_MS",
    default: "5000",
    type: "ms",
    meaning: "How long a replaced handshake stays honoured.",
  },
  {
    name: "LEASE_SESSION_IDLE_MS",
    default: "86400000",
    type: "ms",
    meaning: "A session without lease, report or watcher for this long is detached.",
  },
  {
    name: "LEASE_SESSIONS_PER_BEACH_MAX",
    default: "50000",
    type: "count",
    meaning: "Most sessions attached at one private beach; more are refused (TOO_MANY).",
  },
  {
    name: "LEASE_SESSIONS_MAX",
    default: "2000000",
    type: "count",
    meaning: "Most sessions attached in all; each takes about 1 kB of memory.",
  },
  {
    name: "LEASE_ATTACHES_PER_MINUTE_MAX",
    default: "20000",
    type: "count",
    meaning: "Most sessions that one private beach may attach within a minute at one process.",
  },
  {
    name: "LEASE_LEASES_PER_BEACH_MAX",
    default: "200000",
    type: "count",
    meaning: "Most live leases at one private beach.",
  },
  {
    name: "LEASE_REDIS_ACK_REPLICAS",
    default: "0",
    type: "count",
    meaning: "How many replicas of Redis must have a change before it is answered.",
  },
  {
    name: "LEASE_REDIS_WAIT_MS",
    default: "60000",
    type: "ms",
    meaning: "How long a start waits for a Redis that does not answer yet.",
  },
  {
    name: "LEASE_LOG_LEVEL",
    default: "info",
    type: "word",
    meaning: "Least level that is logged: trace, debug, info, warn, error, fatal or silent.",
  },
];

/** The text of a setting that is not given. */
export function defaultOf(name: SettingName): string {
  return settingOf(name).default;
}

export function typeOf(name: SettingName): Setting["type"] {
  return settingOf(name).type;
}

function settingOf(name: SettingName): Setting {
  const setting = settingsTable.find((one) => one.name === name);
  if (setting === undefined) throw new Error(`${name} is missing in the table of settings`);
  return setting;
}
