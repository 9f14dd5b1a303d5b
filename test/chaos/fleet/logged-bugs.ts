import type { ReplicaRun } from "./replica.ts";

interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly err?: { readonly type?: string; readonly message?: string; readonly stack?: string };
}

/** What the processes wrote of bugs: whatever is worse than a store that is away, or was killed. */
export function bugsLogged(runs: readonly ReplicaRun[]): readonly string[] {
  return runs.flatMap(({ replica, service }) => {
    const logged = service.stdout.map(parse).filter(isBug).map(inWords);
    return [...logged, ...service.stderr].map((text) => `replica ${replica} wrote: ${text}`);
  });
}

function parse(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    // A process that was killed may have left half a line.
    return { level: "info", msg: line };
  }
}

function isBug({ level, msg, err }: LogLine): boolean {
  if (level === "fatal") return true;
  if (level !== "error") return false;
  // Of a Redis that was killed it is said that it may have lost something, whatever it has kept.
  if (msg === "store lost data") return false;
  return msg !== "store call failed" || err?.type !== "StoreUnavailable";
}

function inWords({ msg, err }: LogLine): string {
  return `${msg}: ${err?.stack ?? err?.message ?? "no more than that"}`;
}
