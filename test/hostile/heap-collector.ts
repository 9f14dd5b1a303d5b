import { setTimeout as delay } from "node:timers/promises";

/** Has any Node process start its inspector, on a free port instead of the one that all share. */
export const inspectorEnv = { NODE_OPTIONS: "--inspect=127.0.0.1:0" } as const;

/**
 * Has the garbage of another Node process collected, by the inspector that {@link inspectorEnv} has
 * it start: it needs nothing from the code that runs there.
 */
export class HeapCollector implements Disposable {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, () => void>();
  #asked = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const { id = 0 } = JSON.parse(String(data)) as { id?: number };
      this.#waiting.get(id)?.();
      this.#waiting.delete(id);
    });
  }

  /** @param stderr the lines that the process writes, among them where its inspector listens */
  static async attach(stderr: readonly string[]): Promise<HeapCollector> {
    const url = await listeningAt(stderr);
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", () => reject(new Error(`cannot reach ${url}`)));
    });
    return new HeapCollector(socket);
  }

  /** Resolves when everything that nothing refers to has been freed. */
  collect(): Promise<void> {
    this.#asked += 1;
    const id = this.#asked;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, method: "HeapProfiler.collectGarbage" }));
    });
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

async function listeningAt(stderr: readonly string[]): Promise<string> {
  for (let tries = 0; tries < 200; tries += 1) {
    for (const line of stderr) {
      const url = /^Debugger listening on (\S+)/.exec(line)?.[1];
      if (url !== undefined) return url;
    }
    await delay(50);
  }
  throw new Error("the process did not start its inspector");
}
