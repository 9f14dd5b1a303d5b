import { setTimeout as delay } from "node:timers/promises";

/** Has any Node process start its inspector, on a free port instead of the one that all share. */
export const inspectorEnv = { NODE_OPTIONS: "--inspect=127.0.0.1:0" } as const;

interface Answer {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/**
 * Another Node process, by the inspector that {@link inspectorEnv} has it start: it needs nothing from
 * the code that runs there. What is asked of a process that ends is never answered.
 */
export class Inspector implements Disposable {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#take(JSON.parse(String(data))));
  }

  /** @param stderr the lines that the process writes, among them where its inspector listens */
  static async attach(stderr: readonly string[]): Promise<Inspector> {
    const url = await listeningAt(stderr);
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", () => reject(new Error(`cannot reach ${url}`)));
    });
    return new Inspector(socket);
  }

  /** Resolves when everything that nothing refers to has been freed. */
  async collect(): Promise<void> {
    await this.#ask("HeapProfiler.collectGarbage");
  }

  /** Runs a script there; resolves with its value, which has to be JSON. */
  async evaluate(expression: string): Promise<unknown> {
    const answer = await this.#ask("Runtime.evaluate", { expression, returnByValue: true });
    const { result, exceptionDetails } = answer as {
      readonly result: { readonly value?: unknown; readonly description?: string };
      readonly exceptionDetails?: unknown;
    };
    if (exceptionDetails !== undefined) throw new Error(result.description);
    return result.value;
  }

  async startProfile(): Promise<void> {
    await this.#ask("Profiler.enable");
    await this.#ask("Profiler.setSamplingInterval", { interval: profileEveryUs });
    await this.#ask("Profiler.start");
  }

  /** Resolves with the text of a `.cpuprofile`, which Chrome's DevTools show. */
  async endProfile(): Promise<string> {
    const { profile } = (await this.#ask("Profiler.stop")) as { readonly profile: unknown };
    return JSON.stringify(profile);
  }

  #ask(method: string, params: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    this.#asked += 1;
    const id = this.#asked;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  #take({ id = 0, result, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error.message));
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

const profileEveryUs = 200;

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
