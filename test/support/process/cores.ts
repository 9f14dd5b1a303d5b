import { execFileSync } from "node:child_process";

/** Which core servers run on, and which one their callers. */
export interface Cores {
  readonly server: number;
  readonly callers: number;
}

/** Two of the cores that this process may use; undefined where there is one, or no `taskset`. */
export function findCores(): Cores | undefined {
  const [server, callers] = allowedCores();
  return server === undefined || callers === undefined ? undefined : { server, callers };
}

/** Keeps this process, and all that it starts without a core of its own, on the callers' core. */
export function keepCallersOn({ callers }: Cores): void {
  execFileSync("taskset", ["-a", "-c", "-p", String(callers), String(process.pid)]);
}

/** Lets it use both cores until this is disposed, and what it starts meanwhile. */
export function spreadOver(cores: Cores | undefined): Disposable {
  const keepOn = (list: string): void => {
    execFileSync("taskset", ["-a", "-c", "-p", list, String(process.pid)]);
  };
  if (cores !== undefined) keepOn(`${cores.server},${cores.callers}`);
  return {
    [Symbol.dispose]() {
      if (cores !== undefined) keepOn(String(cores.callers));
    },
  };
}

/** What to start so that the program runs on the core, or wherever there is room. */
export function onCore(
  core: number | undefined,
  program: string,
): readonly [program: string, ...args: string[]] {
  return core === undefined ? [program] : ["taskset", "-c", String(core), program];
}

/** As `taskset` lists them: `0-2,5`. */
function allowedCores(): readonly number[] {
  try {
    const listed = execFileSync("taskset", ["-c", "-p", String(process.pid)], { stdio: "pipe" });
    const ranges = String(listed).trim().split(": ").at(-1)?.split(",") ?? [];
    return ranges.flatMap((range) => {
      const [first = Number.NaN, last = first] = range.split("-").map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
  } catch {
    return [];
  }
}
