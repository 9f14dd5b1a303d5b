import { type Logger, pino } from "pino";

/** The child's side of the line between a process of the reference beach and its parent. */
export interface ParentLine<Event> {
  emit(event: Event): void;
  /** Sends an event that is of use now alone: the parent does not keep it. */
  show(event: Event): void;
}

interface Asked<Command> {
  readonly id: number;
  readonly command: Command;
}

const stopTimeoutMs = 3_000;

/** What the parent started this process with. */
export function readConfig<Config>(): Config {
  const argument = process.argv[2];
  if (argument === undefined) throw new Error("expected a configuration in JSON");
  return JSON.parse(argument) as Config;
}

/** Logs as JSON lines on stdout, from debug on. */
export function createLog(name: string): Logger {
  return pino({ level: "debug", base: { name } }, pino.destination({ fd: 1, sync: true }));
}

/** Sends events to the parent; does nothing once the parent is gone. */
export function parentLine<Event>(): ParentLine<Event> {
  return {
    emit: (event) => send({ event }),
    show: (event) => send({ event, passing: true }),
  };
}

/** Answers the parent's commands until the parent goes away or sends SIGTERM; then stops, once. */
export function serveParent<Command>(
  handle: (command: Command) => unknown,
  stop: () => Promise<void>,
): void {
  process.on("message", (message) => {
    const { id, command } = message as Asked<Command>;
    send({ reply: id, value: handle(command) ?? null });
  });
  let stopping = false;
  const end = (): void => {
    if (stopping) return;
    stopping = true;
    // A native thread that does not end must not keep the process.
    setTimeout(() => process.exit(1), stopTimeoutMs).unref();
    // The WebRTC library's own references outlive its cleanup now and then.
    void stop().finally(() => process.exit(0));
  };
  process.on("disconnect", end);
  process.on("SIGTERM", end);
  // No event reports a parent that went away while this process started.
  if (!process.connected) end();
}

/** The parent may go away at any moment, also while this is on its way. */
function send(message: object): void {
  if (process.connected) process.send?.(message, () => undefined);
}
