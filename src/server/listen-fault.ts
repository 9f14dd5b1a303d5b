import { formatListenAddress, type ListenAddress } from "../settings/listen-address.ts";
import type { SettingName } from "../settings/settings-table.ts";

/** Why a door cannot listen, with the setting and the remedy; undefined for any other error. */
export function listenFault(
  name: SettingName,
  listen: ListenAddress,
  error: unknown,
): string | undefined {
  const remedy = remedyFor(error);
  return remedy && `${name} is ${formatListenAddress(listen)}: ${remedy}`;
}

function remedyFor(error: unknown): string | undefined {
  const text = error instanceof Error ? error.message : "";
  if (text.includes("EADDRINUSE")) {
    return "it is in use, stop what listens there or set another address";
  }
  if (text.includes("EACCES")) return "this user may not bind it, set a port above 1023";
  if (/EADDRNOTAVAIL|ENOTFOUND|EAI_AGAIN|Name resolution failed/.test(text)) {
    return "this machine has no such address, set one that it has";
  }
  return undefined;
}
