import { type ChildProcess, fork } from "node:child_process";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A process of the reference beach, as its parent holds it. Disposing it stops it. */
export interface Child<Command, Event> extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  /** What it logged, in order. */
  readonly logs: readonly ChildLog[];
  /** Its events, in order; those that pass come to listeners alone. */
  readonly events: readonly Event[];
  readonly exited: Promise<void>;
  /** Rejects when the process is gone; waits while it is stopped. */
  ask<Reply = null>(command: Command): Promise<Reply>;
  /**
   * The first event that passes, received already (after the first `from`) or still to come. Rejects
   * when it does not come in time, or cannot come since the process is gone.
   */
  when<Wanted extends Event>(
    passes: (event: Event) => event is Wanted,
    options?: WhenOptions,
  ): Promise<Wanted>;
  when(passes: (event: Event) => boolean, options?: WhenOptions): Promise<Event>;
  onEvent(listener: (event: Event) => void): void;
  signal(signal: NodeJS.Signals): void;
}

export interface WhenOptions {
  readonly from?: number;
  readonly timeoutMs?: number;
}

export interface ChildLog {
  /** pino's numbers: 20 debug, 30 info, 40 warn. */
  readonly level: number;
  readonly msg: string;
  readonly sessionId?: string;
}

interface FromChild<Event> {
  readonly event?: Event;
  /** It is of use to listeners now, and to nobody later. */
  readonly passing?: boolean;
  readonly reply?: number;
  readonly value?: unknown;
}

const whenTimeoutMsDefault = 20_000;
const stopTimeoutMs = 4_000;

/** Starts a script, named from this folder, as a process with a line to it. */
export function startChild<Command, Event>(
  script: string,
  args: readonly string[],
  name: string = basename(script),
): Child<Command, Event> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = fork(path, [...args], {
    execArgv: [],
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const logs: ChildLog[] = [];
  if (child.stdout !== null) {
    createInterface(child.stdout).on("line", (line) => logs.push(JSON.parse(line) as ChildLog));
  }
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const line = listen<Event>(child, name);
  let asked = 0;
  return {
    name,
    pid: child.pid ?? -1,
    logs,
    events: line.events,
    exited,
    ask: async <Reply>(command: Command): Promise<Reply> => {
      asked += 1;
      const id = asked;
      const reply = line.reply(id);
      child.send({ id, command }, (error) => {
        if (error !== null) line.refuse(id, error);
      });
      return (await reply) as Reply;
    },
    when: (passes: (event: Event) => boolean, options: WhenOptions = {}) =>
      line.when(passes, options),
    onEvent: (listener) => void line.listeners.add(listener),
    signal: (signal) => void child.kill(signal),
    [Symbol.asyncDispose]: () => stopChild(child, exited),
  } as Child<Command, Event>;
}

async function stopChild(child: ChildProcess, exited: Promise<void>): Promise<void> {
  if (child.connected) child.disconnect();
  // A process that is still starting does not listen to the line yet.
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
  await exited;
  clearTimeout(timer);
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface Listening<Event> {
  readonly events: Event[];
  readonly listeners: Set<(event: Event) => void>;
  reply(id: number): Promise<unknown>;
  refuse(id: number, error: Error): void;
  when(passes: (event: Event) => boolean, options: WhenOptions): Promise<Event>;
}

function listen<Event>(child: ChildProcess, name: string): Listening<Event> {
  const events: Event[] = [];
  const listeners = new Set<(event: Event) => void>();
  const replies = new Map<number, Waiting>();
  const abandoned = new Set<(error: Error) => void>();
  // Comes after the last message, which an exit does not.
  child.once("disconnect", () => {
    const error = new Error(`${name} has ended`);
    for (const waiting of replies.values()) waiting.reject(error);
    for (const giveUp of abandoned) giveUp(error);
  });
  child.on("message", (message) => {
    const { event, passing, reply, value } = message as FromChild<Event>;
    if (reply !== undefined) replies.get(reply)?.resolve(value);
    if (event === undefined) return;
    if (passing !== true) events.push(event);
    for (const listener of listeners) listener(event);
  });
  return {
    events,
    listeners,
    reply: (id) =>
      new Promise((resolve, reject) => {
        replies.set(id, { resolve, reject });
      }).finally(() => replies.delete(id)),
    refuse: (id, error) => replies.get(id)?.reject(error),
    when: (passes, { from = 0, timeoutMs = whenTimeoutMsDefault }) => {
      const found = events.slice(from).find(passes);
      if (found !== undefined) return Promise.resolve(found);
      if (!child.connected) return Promise.reject(new Error(`${name} has ended`));
      return new Promise((resolve, reject) => {
        const listener = (event: Event): void => {
          if (!passes(event)) return;
          done();
          resolve(event);
        };
        const giveUp = (error: Error): void => {
          done();
          reject(error);
        };
        const done = (): void => {
          clearTimeout(timer);
          listeners.delete(listener);
          abandoned.delete(giveUp);
        };
        const timer = setTimeout(() => {
          const last = events.slice(-5).map((event) => JSON.stringify(event));
          giveUp(
            new Error(
              `${name} reported no such event in ${timeoutMs} ms; last:\n${last.join("\n")}`,
            ),
          );
        }, timeoutMs);
        listeners.add(listener);
        abandoned.add(giveUp);
      });
    },
  };
}
