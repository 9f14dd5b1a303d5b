import { fork } from "node:child_process";

/** Bytes of heap that one session costs, measured in a process of its own. */
export function bytesPerSession(sessions: number): Promise<number> {
  const file = new URL("memory-process.ts", import.meta.url);
  const child = fork(file, [String(sessions)], { execArgv: ["--expose-gc"] });
  return new Promise((resolve, reject) => {
    child.once("message", (bytes) => resolve(Number(bytes)));
    child.once("exit", (code) => reject(new Error(`the memory measurement ended with ${code}`)));
  });
}
