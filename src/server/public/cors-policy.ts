import { isIPv4 } from "node:net";

/** Whether pages of an origin may call the public door. */
export type OriginRule = (origin: string) => boolean;

/** @param allowLoopback pages that this machine serves may call as well */
export function originRule(origins: readonly string[], allowLoopback: boolean): OriginRule {
  const allowed = new Set(origins);
  return (origin) => allowed.has(origin) || (allowLoopback && isLoopbackOrigin(origin));
}

function isLoopbackOrigin(origin: string): boolean {
  const host = URL.parse(origin)?.hostname ?? "";
  return host === "localhost" || host === "[::1]" || (isIPv4(host) && host.startsWith("127."));
}
