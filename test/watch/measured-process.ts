import { type ChildProcess, fork } from "node:child_process";

import { type Cores, onCore } from "../support/process/cores.ts";

/** What a process has in use, after it has collected its garbage; in bytes. */
export interface Usage {
  /** On the heap and in buffers beside it. */
  readonly heap: number;
  readonly rss: number;
}

/** A server in a process of its own, so that its memory is not mixed with its clients'. */
export interface MeasuredProcess extends AsyncDisposable {
  /** `host:port` of its gRPC door, and of its public one. */
  readonly grpc: string;
  readonly http: string;
  usage(): Promise<Usage>;
  /** The processor time that it has taken so far, in microseconds; asking for it collects nothing. */
  cpuMicros(): Promise<number>;
}

interface Ready {
  readonly grpc: string;
  readonly http: string;
}

export interface MeasuredStart {
  readonly args?: readonly string[];
  /** Without them it shares all cores with its callers. */
  readonly cores?: Cores | undefined;
}

export async function startMeasured(
  file: string,
  { args = [], cores }: MeasuredStart = {},
): Promise<MeasuredProcess> {
  const [program, ...programArgs] = onCore(cores?.server, process.execPath);
  const child = fork(new URL(file, import.meta.url), args, {
    execPath: program,
    execArgv: [...programArgs, "--expose-gc"],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const killChild = (): void => void child.kill("SIGKILL");
  process.once("exit", killChild);
  const { grpc, http } = await answer<Ready>(child);
  return {
    grpc,
    http,
    usage() {
      const answered = answer<Usage>(child);
      child.send("usage");
      return answered;
    },
    cpuMicros() {
      const answered = answer<number>(child);
      child.send("cpu");
      return answered;
    },
    async [Symbol.asyncDispose]() {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      process.off("exit", killChild);
      killChild();
      await gone;
    },
  };
}

/** In the server's process: says that it is ready, then answers each question. */
export function serveUsage(ready: Ready): void {
  process.on("message", (asked) => process.send?.(asked === "cpu" ? cpuMicros() : usage()));
  process.on("disconnect", () => process.exit());
  process.send?.(ready);
}

function usage(): Usage {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, rss };
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function answer<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(new Error("a measured process ended before its time"));
    child.once("exit", gone);
    child.once("message", (message) => {
      child.off("exit", gone);
      resolve(message as T);
    });
  });
}
