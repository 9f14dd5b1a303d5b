import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * What a process that wrote records of version 2 left in Redis when it was drained, as the commands
 * that put it back, and what it had last told of the sessions that were attached.
 */
interface LeftInRedis {
  readonly tokenKey: string;
  readonly sessions: Readonly<Record<string, Received>>;
  readonly commands: readonly (readonly string[])[];
}

interface Received {
  readonly token: string;
  readonly handshakeId: string;
  readonly inFlight: string;
  readonly generation: number;
  readonly version: number;
  readonly liveLeases: number;
}

const path = join(import.meta.dirname, "redis-of-version-2.json");
export const leftInRedis = JSON.parse(readFileSync(path, "utf8")) as LeftInRedis;

/** The records alone, by session. */
export const recordsOfVersion2: ReadonlyMap<string, string> = new Map(
  leftInRedis.commands
    .filter(([, key]) => key?.includes(":session:"))
    .map(([, key = "", ...fields]) => [
      key.slice(key.lastIndexOf(":") + 1),
      fields[fields.indexOf("record") + 1] ?? "",
    ]),
);
