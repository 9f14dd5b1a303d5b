import { execFileSync, fork } from "node:child_process";

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
  moveTo(callers, process.pid);
}

/** Has a process with all its threads run on the core, or on the list of cores. */
export function moveTo(core: number | string, pid: number): void {
  for (let triesLeft = 10; ; triesLeft -= 1) {
    try {
      execFileSync("taskset", ["-a", "-c", "-p", String(core), String(pid)], { stdio: "pipe" });
      return;
    } catch (error) {
      // It stops at a thread that has ended since it listed them, and leaves out those after it.
      if (triesLeft === 0 || !/No such process/.test(String(error))) throw error;
    }
  }
}

/**
 * Keeps the core from going to sleep until this is disposed, by a loop that runs only while nothing
 * else wants to. A core that wakes up is slow at first, and by how much differs from one time to the
 * next, above all in a virtual machine.
 */
export function keepAwake(core: number): Disposable {
  const loop = fork(new URL("idle-loop.ts", import.meta.url), {
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    execPath: "chrt",
    execArgv: ["-i", "0", "taskset", "-c", String(core), process.execPath],
  });
  // Without chrt the figures vary more.
  loop.on("error", () => undefined);
  return {
    [Symbol.dispose]() {
      loop.kill("SIGKILL");
    },
  };
}

/** Lets it use both cores until this is disposed, and what it starts meanwhile. */
export function spreadOver(cores: Cores | undefined): Disposable {
  if (cores !== undefined) moveTo(`${cores.server},${cores.callers}`, process.pid);
  return {
    [Symbol.dispose]() {
      if (cores !== undefined) moveTo(cores.callers, process.pid);
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
