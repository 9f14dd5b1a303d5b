import { defaultPolicy, type Policy, policyFaults } from "../core/policy.ts";
import { type AuthSetting, readAuth } from "./auth-settings.ts";
import { isLoopback, type ListenAddress, overlap, parseListenAddress } from "./listen-address.ts";
import { type LogLevel, logLevelNamed, logLevels } from "./log-levels.ts";
import { nearest } from "./nearest.ts";
import { explainFault, policySettings, settingsOf } from "./policy-settings.ts";
import { type ServiceLinks, serviceLinksIn } from "./service-links.ts";
import { defaultOf, type SettingName, settingsTable, typeOf } from "./settings-table.ts";
import { grpcTlsNames, httpTlsNames, readTls, type TlsSetting } from "./tls-settings.ts";
import { type TracesSetting, tracesIn } from "./traces-setting.ts";

/** The settings of the service, checked as a whole. */
export interface Settings {
  readonly grpcListen: ListenAddress;
  readonly httpListen: ListenAddress;
  readonly opsListen: ListenAddress;
  /** Undefined: the door speaks in clear. */
  readonly grpcTls: TlsSetting | undefined;
  readonly httpTls: TlsSetting | undefined;
  readonly store: StoreSetting;
  /** How many replicas of Redis must have a change before it is answered. */
  readonly redisAckReplicas: number;
  /** How long a start waits for a Redis that does not answer yet. */
  readonly redisWaitMs: number;
  /** Undefined: a key file beside the SQLite file, or a fresh key with the memory store. */
  readonly tokenKey: string | undefined;
  readonly tokenKeyPrevious: string | undefined;
  readonly auth: AuthSetting;
  readonly publishTokenSecret: string | undefined;
  /** Empty: with `dev`, pages from loopback; otherwise none. */
  readonly corsOrigins: readonly string[];
  readonly managerUrl: string;
  readonly roadUrl: string | undefined;
  readonly policy: Policy;
  readonly logLevel: LogLevel;
  /** Undefined: nobody receives traces, and none are made. */
  readonly traces: TracesSetting | undefined;
  /** Services whose links look like settings and were passed over, as `LEASE_REDIS`. */
  readonly linkedServices: readonly string[];
}

type StoreSetting =
  | { readonly kind: "memory" }
  | { readonly kind: "sqlite"; readonly path: string }
  | { readonly kind: "redis"; readonly url: string };

export type SettingsResult =
  | { readonly kind: "settings"; readonly settings: Settings }
  | {
      readonly kind: "faults";
      readonly faults: readonly string[];
      /** What could be read, with something harmless in the place of what could not. */
      readonly rest: Settings;
    };

export type Environment = Readonly<Record<string, string | undefined>>;

const tokenKeyLengthMin = 32;
/** What people on call may have in their environment for `src/cli`. */
const bearerOfCli = "LEASE_BEARER";

/** Settings, or every fault of the environment at once; each fault says what to write instead. */
export function toSettings(env: Environment): SettingsResult {
  const reading = new Reading(env);
  reading.noteUnknownNames();
  const settings: Settings = {
    grpcListen: reading.address("LEASE_GRPC_LISTEN"),
    httpListen: reading.address("LEASE_HTTP_LISTEN"),
    opsListen: reading.address("LEASE_OPS_LISTEN"),
    grpcTls: readTls(reading, grpcTlsNames),
    httpTls: readTls(reading, httpTlsNames),
    store: reading.store(),
    redisAckReplicas: reading.ackReplicas(),
    redisWaitMs: reading.milliseconds("LEASE_REDIS_WAIT_MS"),
    tokenKey: reading.key("LEASE_TOKEN_KEY"),
    tokenKeyPrevious: reading.key("LEASE_TOKEN_KEY_PREVIOUS"),
    auth: readAuth(reading),
    publishTokenSecret: reading.key("LEASE_PUBLISH_TOKEN_SECRET"),
    corsOrigins: reading.origins(),
    managerUrl: reading.managerUrl(),
    roadUrl: reading.roadUrl(),
    policy: reading.policy(),
    logLevel: reading.logLevel(),
    traces: tracesIn(env),
    linkedServices: reading.linkedServices(),
  };
  reading.noteRelations(settings);
  if (reading.faults.length > 0) {
    return { kind: "faults", faults: reading.faults, rest: settings };
  }
  return { kind: "settings", settings: deepFreeze(settings) };
}

type KeySetting = "LEASE_TOKEN_KEY" | "LEASE_TOKEN_KEY_PREVIOUS" | "LEASE_PUBLISH_TOKEN_SECRET";

/** Reads one value after the other; after a fault it continues with a harmless value. */
class Reading {
  readonly faults: string[] = [];
  readonly #env: Environment;
  readonly #links: ServiceLinks;
  /** Settings at fault by themselves: their relations to others are not judged. */
  readonly #faulty = new Set<SettingName>();

  constructor(env: Environment) {
    this.#env = env;
    this.#links = serviceLinksIn(env, "LEASE_");
  }

  noteUnknownNames(): void {
    const known: readonly string[] = settingsTable.map(({ name }) => name);
    for (const name of Object.keys(this.#env)) {
      if (!name.startsWith("LEASE_") || known.includes(name) || name === bearerOfCli) continue;
      if (this.#links.variables.has(name)) continue;
      const meant = nearest(name, known);
      const hint =
        meant === undefined ? "npm start -- --help lists all settings" : `did you mean ${meant}?`;
      this.faults.push(`${name} is not a setting of this version: ${hint}`);
    }
  }

  linkedServices(): readonly string[] {
    return this.#links.services;
  }

  address(name: SettingName): ListenAddress {
    const text = this.text(name);
    const address = parseListenAddress(text);
    if (address !== undefined) return address;
    const isBare = /^[^[]*:[^[]*:/.test(text);
    const hint = isBare ? "[host]:port around an IPv6 host, such as [::1]:0" : defaultOf(name);
    this.fault(name, isBare ? `must be ${hint}` : `must be host:port, such as ${hint}`);
    return { host: "127.0.0.1", port: 0 };
  }

  store(): StoreSetting {
    const url = this.text("LEASE_STORE_URL");
    const path = /^sqlite:(?!:memory:|file:|\/\/[^/])(?<path>.+)$/.exec(url)?.groups?.path;
    if (path !== undefined) return { kind: "sqlite", path };
    if (isRedisUrl(url)) return { kind: "redis", url };
    if (url.startsWith("sqlite:file:")) {
      this.fault("LEASE_STORE_URL", "takes a path and no file: URL, as in sqlite:data/lease.db");
    } else if (url.startsWith("sqlite://")) {
      this.fault("LEASE_STORE_URL", "takes a path and no host, as in sqlite:data/lease.db");
    } else if (url !== "memory:") {
      // Not shown as it is: it may hold a password.
      this.faults.push(
        "LEASE_STORE_URL must be sqlite:path, memory:, redis://host:6379 or rediss://user:password@host:6379, with /2 behind it for database 2; a % in a name or password is written %25",
      );
    }
    return { kind: "memory" };
  }

  ackReplicas(): number {
    const text = this.text("LEASE_REDIS_ACK_REPLICAS");
    if (/^\d$/.test(text)) return Number(text);
    this.fault("LEASE_REDIS_ACK_REPLICAS", "must be a whole number from 0 to 9");
    return 0;
  }

  key(name: KeySetting): string | undefined {
    const key = this.text(name);
    if (key === "") return undefined;
    if (key.length < tokenKeyLengthMin) {
      this.faults.push(
        `${name} must have at least ${tokenKeyLengthMin} characters: make one with "openssl rand -base64 32"`,
      );
    }
    return key;
  }

  origins(): readonly string[] {
    const origins = this.text("LEASE_CORS_ORIGINS").split(",");
    const named = origins.map((origin) => origin.trim()).filter((origin) => origin !== "");
    for (const origin of named) {
      const parsed = URL.parse(origin)?.origin ?? "null";
      if (parsed === origin) continue;
      const written = parsed === "null" ? "https://beach.example" : parsed;
      this.faults.push(
        `LEASE_CORS_ORIGINS lists "${origin}", which is no origin: write it as ${written}`,
      );
    }
    return named;
  }

  managerUrl(): string {
    const url = this.text("LEASE_MANAGER_URL");
    if (!/^https?:$/.test(URL.parse(url)?.protocol ?? "")) {
      this.fault("LEASE_MANAGER_URL", "must be an http or https URL");
    }
    return url;
  }

  roadUrl(): string | undefined {
    const text = this.text("LEASE_ROAD_URL");
    if (text === "") return undefined;
    const url = URL.parse(text);
    const isPlain = url !== null && `${url.username}${url.password}${url.search}${url.hash}` === "";
    if (!isPlain || !/^https?:$/.test(url.protocol)) {
      // Not shown as it is: it may hold a password.
      this.faults.push(
        "LEASE_ROAD_URL must be an http or https URL without user, query or fragment, such as http://127.0.0.1:4132",
      );
    }
    return text;
  }

  logLevel(): LogLevel {
    const text = this.text("LEASE_LOG_LEVEL");
    const level = logLevelNamed(text);
    if (level === undefined)
      this.fault("LEASE_LOG_LEVEL", `must be one of ${logLevels.join(", ")}`);
    return level ?? "info";
  }

  policy(): Policy {
    const given = Object.entries(policySettings).map(([field, name]) => [
      field,
      typeOf(name) === "count" ? this.#count(name) : this.milliseconds(name),
    ]);
    return { ...defaultPolicy, ...Object.fromEntries(given) };
  }

  noteRelations(settings: Settings): void {
    for (const rule of policyFaults(settings.policy)) {
      if (settingsOf(rule).some((name) => this.#faulty.has(name))) continue;
      this.faults.push(explainFault(rule, settings.policy));
    }
    this.#noteAddresses(settings);
    const whyKey = reasonForTokenKey(settings);
    if (whyKey !== undefined && settings.tokenKey === undefined) {
      this.faults.push(
        `LEASE_TOKEN_KEY is missing: ${whyKey}; make one with "openssl rand -base64 32"`,
      );
    }
    if (settings.redisAckReplicas > 0 && settings.store.kind !== "redis") {
      this.faults.push("LEASE_REDIS_ACK_REPLICAS needs LEASE_STORE_URL to name Redis");
    }
    if (settings.tokenKeyPrevious !== undefined && settings.tokenKey === undefined) {
      this.faults.push("LEASE_TOKEN_KEY_PREVIOUS needs LEASE_TOKEN_KEY beside it: set both");
    }
  }

  #noteAddresses({ auth, grpcListen, httpListen, opsListen }: Settings): void {
    const doors = [
      ["LEASE_GRPC_LISTEN", grpcListen],
      ["LEASE_HTTP_LISTEN", httpListen],
      ["LEASE_OPS_LISTEN", opsListen],
    ] as const;
    for (const [index, [name, address]] of doors.entries()) {
      if (auth.kind === "dev" && !isLoopback(address)) {
        this.faults.push(
          `${name} is "${this.text(name)}", but LEASE_AUTH=dev lets every caller do everything: ` +
            `bind to loopback, such as 127.0.0.1:${address.port}`,
        );
      }
      const other = doors.slice(0, index).find(([, earlier]) => overlap(earlier, address));
      if (other === undefined) continue;
      const both = `${name} is "${this.text(name)}" and ${other[0]} is "${this.text(other[0])}"`;
      this.faults.push(`${both}: each door needs a port of its own, set another one`);
    }
  }

  complain(fault: string): void {
    this.faults.push(fault);
  }

  #count(name: SettingName): number {
    const text = this.text(name);
    const value = /^\d{1,12}$/.test(text) ? Number(text) : 0;
    if (value > 0) return value;
    this.fault(name, `must be a whole number above 0, such as ${defaultOf(name)}`);
    return Number(defaultOf(name));
  }

  milliseconds(name: SettingName): number {
    const text = this.text(name);
    const value = /^\d{1,12}$/.test(text) ? Number(text) : 0;
    if (value > 0) return value;
    this.fault(name, `must be a whole number of milliseconds above 0, such as ${defaultOf(name)}`);
    return Number(defaultOf(name));
  }

  /** The value given, without surrounding space; the default when there is none. */
  text(name: SettingName): string {
    const given = this.#env[name]?.trim() ?? "";
    return given === "" ? defaultOf(name) : given;
  }

  fault(name: SettingName, remedy: string): void {
    this.#faulty.add(name);
    this.faults.push(`${name} is "${this.text(name)}": it ${remedy}`);
  }
}

/** Behind the host there may be the number of a database, and nothing else. */
function isRedisUrl(url: string): boolean {
  const parsed = /^rediss?:\/\/[^/]/.test(url) ? URL.parse(url) : null;
  if (parsed === null || parsed.hostname === "") return false;
  if (!isPercentEncoded(parsed.username) || !isPercentEncoded(parsed.password)) return false;
  return /^(\/\d{0,5})?$/.test(parsed.pathname) && parsed.search === "" && parsed.hash === "";
}

function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** Why controller tokens need a key that is set; undefined where a file may hold one. */
function reasonForTokenKey({ store, auth }: Settings): string | undefined {
  if (store.kind === "redis") return "processes that share Redis derive the same tokens from it";
  return auth.kind === "jwt" ? "with LEASE_AUTH=jwt, no key is made in passing" : undefined;
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) {
    if (typeof part === "object" && part !== null) deepFreeze(part);
  }
  return Object.freeze(value);
}
