import { isIPv4 } from "node:net";

/**
 * Whether pages of an origin may call the public door.
 *
 * @param host what the call names as the door's own host; undefined where that makes no difference
 */
export type OriginRule = (origin: string, host?: string) => boolean;

/**
 * Where no bearer is asked for, pages that this machine serves may call as well. Where one is, the
 * page that the door itself serves may: no other name that leads here brings a bearer along.
 */
export function originRule(origins: readonly string[], auth: "dev" | "jwt"): OriginRule {
  const allowed = new Set(origins);
  return (origin, host) =>
    allowed.has(origin) || (auth === "dev" ? isLoopbackOrigin(origin) : isOwnOrigin(origin, host));
}

function isOwnOrigin(origin: string, host: string | undefined): boolean {
  return host !== undefined && URL.parse(origin)?.host === host;
}

function isLoopbackOrigin(origin: string): boolean {
  const host = URL.parse(origin)?.hostname ?? "";
  return host === "localhost" || host === "[::1]" || (isIPv4(host) && host.startsWith("127."));
}
