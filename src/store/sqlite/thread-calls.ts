import type { MessagePort, Worker } from "node:worker_threads";

/** Functions that a thread runs for others; what they take and return can be cloned. */
type Calls<Api> = { readonly [Name in keyof Api]: (...args: never[]) => unknown };

type Answer = { readonly value: unknown } | { readonly fault: Fault };

/** What of an error reaches another thread: a clone keeps neither its class nor its codes. */
interface Fault {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly code?: unknown;
  readonly errcode?: unknown;
}

/**
 * Calls what another thread offers with {@link answerCalls}. Calls are carried out one after
 * another, in the order in which they were made. Only while one is under way does the thread keep
 * the process from ending. A thread that ends by itself is a bug, and ends the process: nothing
 * that it held can be served any more.
 */
export class ThreadCalls<Api extends Calls<Api>> {
  readonly #thread: Worker;
  readonly #waiting: PromiseWithResolvers<unknown>[] = [];
  /** Why the thread ended; it answers no more. */
  #end: Error | undefined;

  constructor(thread: Worker) {
    this.#thread = thread;
    thread.unref();
    thread.on("message", (answer: Answer) => this.#settle(answer));
    thread.on("error", (error) => this.#endWith(error));
    thread.on("messageerror", (error) => this.#endWith(error));
    thread.on("exit", () => this.#endWith(new Error("its thread has ended")));
  }

  /** Rejects with what the function threw, or with why the thread ended. */
  async call<Name extends keyof Api>(
    name: Name,
    ...args: Parameters<Api[Name]>
  ): Promise<ReturnType<Api[Name]>> {
    if (this.#end !== undefined) throw this.#end;
    const waiting = Promise.withResolvers<unknown>();
    this.#thread.postMessage([name, args]);
    this.#waiting.push(waiting);
    this.#thread.ref();
    return (await waiting.promise) as ReturnType<Api[Name]>;
  }

  /** Ends the thread, whatever it is doing. */
  async end(): Promise<void> {
    this.#end ??= new Error("its thread was ended");
    await this.#thread.terminate();
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#thread.unref();
    if ("value" in answer) waiting?.resolve(answer.value);
    else waiting?.reject(Object.assign(new Error(answer.fault.message), answer.fault));
  }

  #endWith(error: Error): void {
    if (this.#end === undefined) {
      this.#end = error;
      queueMicrotask(() => {
        throw error;
      });
    }
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#end);
  }
}

/** In the thread: carries out what others call. */
export function answerCalls<Api extends Calls<Api>>(port: MessagePort, api: Api): void {
  port.on("message", ([name, args]: [keyof Api, never[]]) => {
    port.postMessage(answerOf(() => api[name](...args)));
  });
}

function answerOf(run: () => unknown): Answer {
  try {
    return { value: run() };
  } catch (error) {
    if (!(error instanceof Error)) return { fault: { name: "Error", message: String(error) } };
    const { name, message, stack, code, errcode }: Error & Partial<Fault> = error;
    return { fault: { name, message, stack, code, errcode } };
  }
}
