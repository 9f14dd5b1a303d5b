import { formatListenAddress, parseListenAddress } from "../settings/listen-address.ts";
import { readEnv } from "../settings/read-env.ts";
import { defaultOf } from "../settings/settings-table.ts";

// Ends with 0 while the operators' door of this container answers, and with 1 otherwise, as Docker
// has it. Docker itself ends a check that takes too long.
const given = readEnv().LEASE_OPS_LISTEN?.trim() || defaultOf("LEASE_OPS_LISTEN");
const address = parseListenAddress(given);
process.exitCode = address !== undefined && (await isAlive(formatListenAddress(address))) ? 0 : 1;

/** A door that listens on every address, 0.0.0.0 or [::], is reached by that address on Linux. */
async function isAlive(address: string): Promise<boolean> {
  const answer = await fetch(`http://${address}/healthz`).catch(() => undefined);
  return answer?.ok ?? false;
}
