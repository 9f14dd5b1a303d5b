import type { TlsIdentity } from "../server/tls/tls-identity.ts";
import { formatListenAddress } from "../settings/listen-address.ts";
import type { Settings } from "../settings/settings.ts";
import { settingsWarnings } from "../settings/settings-warnings.ts";
import { placeName } from "../store/open-store.ts";
import type { Surroundings } from "./look-around.ts";

/** What a start would use, in a few lines for people, without secrets. */
export function summarise(settings: Settings, around: Surroundings): string {
  const { grpcListen, httpListen, opsListen, linkedServices } = settings;
  const rows: readonly (readonly [string, string])[] = [
    ["internal door", `${formatListenAddress(grpcListen)}, ${securityOf(around.tls?.internal)}`],
    ["public door", `${formatListenAddress(httpListen)}, ${securityOf(around.tls?.public)}`],
    ["operators' door", formatListenAddress(opsListen)],
    ["store", storeOf(settings, around)],
    ["callers", callersOf(settings, around)],
    ["token key", tokenKeyOf(settings, around)],
    ["log level", settings.logLevel],
  ];
  const links =
    linkedServices.length === 0 ? [] : [`service links are ignored: ${linkedServices.join(", ")}`];
  const warnings = [...settingsWarnings(settings), ...keyServerWarning(around), ...links];
  return [
    "The settings can be used. A start would have:",
    ...rows.map(([name, what]) => `  ${name.padEnd(15)}  ${what}`),
    ...warnings.map((warning) => `Note: ${warning}`),
    "",
  ].join("\n");
}

function securityOf(identity: TlsIdentity | undefined): string {
  if (identity === undefined) return "in clear";
  const { expiresAt, ca } = identity.files;
  const callers = ca === undefined ? "" : ", callers with a certificate only";
  return `TLS until ${new Date(expiresAt).toISOString()}${callers}`;
}

function storeOf({ store: place, redisAckReplicas }: Settings, { store }: Surroundings): string {
  const name = placeName(place);
  switch (store?.kind) {
    case "file": {
      const { sessions } = store.seen;
      return `${name}, ${sessions === undefined ? "a new file" : `${sessions} sessions and tombstones`}`;
    }
    case "redis":
      return `${name}, acknowledged by ${redisAckReplicas} replicas`;
    case "memory":
      return "in memory: a restart loses every session";
    case undefined:
      return name;
  }
}

function callersOf({ auth }: Settings, { keys }: Surroundings): string {
  if (auth.kind === "dev") return "everyone, with no bearer";
  const from = auth.keySet.kind === "file" ? auth.keySet.path : originAndPath(auth.keySet.url);
  const known = keys === undefined ? "keys" : `${keys} ${keys === 1 ? "key" : "keys"}`;
  return `bearers of ${auth.issuer} for ${auth.audience}, by ${known} from ${from}`;
}

function originAndPath(text: string): string {
  const url = new URL(text);
  return `${url.origin}${url.pathname}`;
}

function tokenKeyOf({ tokenKey, tokenKeyPrevious }: Settings, { store }: Surroundings): string {
  if (tokenKey === undefined) {
    return store?.kind === "file" ? "in a file beside the store's" : "a fresh one at each start";
  }
  return tokenKeyPrevious === undefined ? "as set" : "as set, with the previous one";
}

function keyServerWarning({ keyServerFault }: Surroundings): readonly string[] {
  if (keyServerFault === undefined) return [];
  const until = "until it answers, no bearer is accepted";
  return [`LEASE_AUTH_JWKS_URL gives no keys now (${keyServerFault}): ${until}`];
}
