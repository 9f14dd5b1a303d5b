import { once } from "node:events";
import { createServer } from "node:net";

import { openAuthenticator } from "../auth/open-authenticator.ts";
import type { KeySetLoaded } from "../auth/verification-keys.ts";
import { keyFileFault } from "../open-auth.ts";
import { listenFault } from "../server/listen-fault.ts";
import { openTls, type TlsIdentities } from "../server/tls/open-tls.ts";
import { systemClock } from "../service/time/clock.ts";
import type { ListenAddress } from "../settings/listen-address.ts";
import type { Settings } from "../settings/settings.ts";
import type { SettingName } from "../settings/settings-table.ts";
import { StartFault } from "../settings/start-fault.ts";
import { lookAtStore, type StoreSeen } from "../store/open-store.ts";
import { hasTokenKey, tokenKeyPathFor } from "../store/token-key-file.ts";
import { storeFault } from "../store-fault.ts";

/** What a start would find around it: all that is wrong, and what it would use. */
export interface Surroundings {
  /** Each names a setting and the remedy. */
  readonly faults: readonly string[];
  /** Undefined where it cannot be used. */
  readonly store: StoreSeen | undefined;
  readonly tls: TlsIdentities | undefined;
  /** Undefined where no bearer is read, or the key set could not be loaded. */
  readonly keys: number | undefined;
  /** Why a key server gave no keys: a start goes on without it. */
  readonly keyServerFault: string | undefined;
}

/**
 * Tries all that a start needs beside its settings, and changes nothing: reads files, the store and
 * the key set, and binds the addresses for a moment.
 */
export async function lookAround(settings: Settings): Promise<Surroundings> {
  const faults: string[] = [];
  const keySet = lookAtKeys(settings);
  const tls = await attempt(faults, () => openTls(settings, () => systemClock().wall()));
  const store = await attempt(faults, () => seenStore(settings));
  const loaded = await keySet;
  const failed = loaded?.kind === "failed" ? loaded : undefined;
  const isFile = settings.auth.kind === "jwt" && settings.auth.keySet.kind === "file";
  if (failed !== undefined && isFile) faults.push(keyFileFault(failed.error));
  faults.push(...(await lookAtAddresses(settings)));
  return {
    faults,
    store,
    tls,
    keys: loaded?.kind === "loaded" ? loaded.keys : undefined,
    keyServerFault: isFile ? undefined : failed?.why,
  };
}

async function attempt<T>(faults: string[], look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof StartFault)) throw error;
    faults.push(...error.faults);
    return undefined;
  }
}

async function seenStore({
  store: place,
  redisAckReplicas: acknowledgements,
  tokenKey,
  auth,
}: Settings): Promise<StoreSeen> {
  try {
    const seen = await lookAtStore(place, { acknowledgements });
    const isKeyInFile = tokenKey === undefined && auth.kind === "dev";
    if (seen.kind === "file" && place.kind === "sqlite" && isKeyInFile) {
      // Rejects where the file is there and cannot be used.
      await hasTokenKey(tokenKeyPathFor(seen.seen.path, place.path));
    }
    return seen;
  } catch (cause) {
    const fault = storeFault(cause);
    if (fault === undefined) throw cause;
    throw new StartFault([fault], { cause });
  }
}

/** Undefined where there is nothing to load. */
async function lookAtKeys({
  auth,
  publishTokenSecret,
}: Settings): Promise<KeySetLoaded | undefined> {
  if (auth.kind === "dev") return undefined;
  // Settings at fault may name no file.
  if (auth.keySet.kind === "file" && auth.keySet.path === "") return undefined;
  let loaded: KeySetLoaded | undefined;
  await openAuthenticator(auth, {
    publishTokenSecret,
    clock: systemClock(),
    closing: AbortSignal.abort(),
    onKeySet: (outcome) => {
      loaded = outcome;
    },
  });
  return loaded;
}

async function lookAtAddresses(settings: Settings): Promise<readonly string[]> {
  const doors: readonly (readonly [SettingName, ListenAddress])[] = [
    ["LEASE_GRPC_LISTEN", settings.grpcListen],
    ["LEASE_HTTP_LISTEN", settings.httpListen],
    ["LEASE_OPS_LISTEN", settings.opsListen],
  ];
  // One after the other: that two want the same port is a fault of the settings.
  const faults: string[] = [];
  for (const [name, listen] of doors) {
    const fault = await bindForAMoment(name, listen);
    if (fault !== undefined) faults.push(fault);
  }
  return faults;
}

async function bindForAMoment(
  name: SettingName,
  listen: ListenAddress,
): Promise<string | undefined> {
  const server = createServer();
  try {
    server.listen(listen);
    await once(server, "listening");
    return undefined;
  } catch (error) {
    return listenFault(name, listen, error) ?? `${name} cannot be bound: ${reasonOf(error)}`;
  } finally {
    server.close();
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
