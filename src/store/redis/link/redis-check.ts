import { StoreCannotOpen, storeCannotOpen } from "../../store-cannot-open.ts";
import type { ServerInfo } from "./redis-link.ts";
import { rights, rightsOnCluster, rightsToAcknowledge } from "./redis-rights.ts";

const majorVersionMin = 7;

/** A server that would lose what the store promised to keep. */
class ServerUnfit extends Error {}

/** Throws unless the server can keep the store's promises. */
export function checkServer(info: ServerInfo): void {
  const fault = faultOf(info);
  if (fault !== undefined) throw new ServerUnfit(fault);
}

/** Why the server cannot keep the store's promises, with the remedy; undefined when it can. */
export function faultOf(info: ServerInfo): string | undefined {
  const version = info.get("redis_version") ?? "unknown";
  if (!(Number.parseInt(version, 10) >= majorVersionMin)) {
    return `it is version ${version}; use Redis or Valkey ${majorVersionMin} or newer`;
  }
  const policy = info.get("maxmemory_policy");
  if (policy !== "noeviction") {
    return `its maxmemory-policy is ${policy}, which drops sessions when memory is short; set it to noeviction`;
  }
  if (info.get("role") === "slave") {
    return "it is a replica; name the primary, or an address that leads to it";
  }
  return undefined;
}

/** This user may not do what the store needs. */
class Forbidden extends Error {}

/** Throws if anything was refused, as {@link tryScript} returns it. */
export function checkTried(refused: readonly string[]): void {
  const commands: string[] = [];
  for (let at = 0; at + 1 < refused.length; at += 2) {
    const [command = "", why = ""] = refused.slice(at, at + 2);
    if (!isForbidden(why)) throw new Error(why);
    commands.push(command);
  }
  if (commands.length > 0) throw new Forbidden(`not ${commands.join(", ")}`);
}

/** Redis has other words for it within a script, and other ones in each version. */
function isForbidden(why: string): boolean {
  return /NOPERM|user executing the script can't|permissions?\b/i.test(why);
}

/** What kept the store from being opened, with its remedy. Never shows a password. */
export function cannotOpenRedis(url: string, error: unknown): StoreCannotOpen {
  if (error instanceof StoreCannotOpen) return error;
  return storeCannotOpen(withoutPassword(url), remedy(url, error), error);
}

/** The URL as it may be shown. */
export function withoutPassword(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null) return "redis";
  if (parsed.password !== "") parsed.password = "***";
  return parsed.href;
}

/** Whether waiting may help: the server is not there yet, or not ready. */
export function mayPass(error: unknown): boolean {
  const why = causeOf(error);
  if (error instanceof ServerUnfit || error instanceof Forbidden || isForbidden(why)) return false;
  return isSilent(why) || isHungUp(why) || isFull(why) || isNotReady(why);
}

function isSilent(why: string): boolean {
  const codes = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/;
  return codes.test(why) || /timeout|no answer/i.test(why);
}

function isHungUp(why: string): boolean {
  return /closed unexpectedly|ECONNRESET|EPIPE/i.test(why);
}

/** Whoever was there before this process may not have gone yet. */
function isFull(why: string): boolean {
  return /max number of clients/i.test(why);
}

function isNotReady(why: string): boolean {
  return /^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY)\b|no master serves bucket|cluster.*slots?/i.test(
    why,
  );
}

function remedy(url: string, error: unknown): string {
  const why = causeOf(error);
  if (error instanceof ServerUnfit) return why;
  if (error instanceof Forbidden || isForbidden(why)) {
    return `this user may not do what the store needs (${why}); allow ${rights}, with LEASE_REDIS_ACK_REPLICAS also ${rightsToAcknowledge}, on a cluster also ${rightsOnCluster}`;
  }
  if (/timeout|no answer/i.test(why) && url.startsWith("rediss:")) {
    return `it does not answer there in TLS (${why}); correct the address, or write redis:// without TLS`;
  }
  if (isSilent(why)) {
    return `it does not answer there (${why}); start Redis, or correct the address`;
  }
  if (/WRONGPASS|NOAUTH/.test(why)) {
    return `it rejects this user (${why}); correct user and password in the URL`;
  }
  if (/altnames/.test(why)) {
    return `its certificate is for another name (${why}); use a name that the certificate bears`;
  }
  if (isNotReady(why)) {
    return `it is not ready (${why}); wait until it has loaded its data and serves every slot`;
  }
  if (isFull(why)) {
    return `it accepts no more clients (${why}); raise its maxclients, or end clients that are not needed`;
  }
  if (isHungUp(why)) {
    return `it closed the connection (${why}); if it wants TLS, write rediss://`;
  }
  if (/certificate|self-signed|SSL|TLS/i.test(why)) {
    return `its certificate is not trusted (${why}); name its authority in NODE_EXTRA_CA_CERTS`;
  }
  return why;
}

/** The innermost cause says most. */
function causeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return causeOf(error.errors[0]);
  if (error instanceof Error && error.cause !== undefined) return causeOf(error.cause);
  return error instanceof Error ? error.message : String(error);
}
