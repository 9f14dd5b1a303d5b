import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("store-process-main.ts", import.meta.url));

/** What the process does with the store once it has it. */
export type StoreWork = "commit" | "hold" | "report";

export interface StoreProcessOptions {
  readonly lockWaitMs?: number;
  readonly unprivileged?: boolean;
}

/** Another process that opens a store; it says what happens, a line at a time. */
export interface StoreProcess extends AsyncDisposable {
  /** Resolves with the first line for which `matches` holds; rejects if it ends without one. */
  line(matches: (line: string) => boolean): Promise<string>;
  readonly lines: readonly string[];
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** Starts a process that opens the store at `path`; as an unprivileged user if that is possible. */
export function startStoreProcess(
  path: string,
  work: StoreWork,
  { lockWaitMs = 0, unprivileged = false }: StoreProcessOptions = {},
): StoreProcess {
  const user = unprivileged && process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const child = spawn(process.execPath, [script, path, work, String(lockWaitMs)], {
    stdio: ["ignore", "pipe", "inherit"],
    ...user,
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const look of waiting) look();
  };
  const reader = createInterface({ input: child.stdout });
  reader.on("line", (line) => {
    lines.push(line);
    wake();
  });
  const ended = once(reader, "close").then(() => {
    hasEnded = true;
    wake();
  });
  let hasEnded = false;
  return {
    lines,
    line: (matches) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = lines.find(matches);
          if (found === undefined && !hasEnded) return;
          waiting.delete(look);
          if (found === undefined) reject(new Error(`it ended and said:\n${lines.join("\n")}`));
          else resolve(found);
        };
        waiting.add(look);
        look();
      }),
    kill: async (signal) => {
      child.kill(signal);
      await exit(child);
      await ended;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exit(child);
      await ended;
    },
  };
}

async function exit(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}
