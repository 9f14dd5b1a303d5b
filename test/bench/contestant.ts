import { type ChildProcess, fork } from "node:child_process";
import { type Cores, onCore } from "../support/process/cores.ts";

import {
  type Calls,
  type Doors,
  keepAliveCalls,
  type LeaseOnHand,
  renewCalls,
} from "./load/calls.ts";
import { type LongestTurn, TurnWatch } from "./turn-watch.ts";

/** What a server under measurement sends its parent, by IPC. */
type FromContestant =
  | { readonly kind: "ready"; readonly doors: Doors; readonly leases: readonly LeaseOnHand[] }
  | { readonly kind: "cpu"; readonly micros: number }
  | { readonly kind: "turn"; readonly longest: LongestTurn };

/** A server in a process of its own, since one grpc-js process can be 1.4 × faster than the next. */
export interface Contestant extends AsyncDisposable {
  readonly pid: number;
  /** Renewals of its leases, a call each. */
  unary(door?: keyof Doors): Calls;
  /** One stream of messages with so many renewals each. */
  stream(batch: number): Calls;
  /** Processor time that the server has used so far, in microseconds. */
  cpuMicros(): Promise<number>;
}

/** One of ours, which says where it listens and which leases there are. */
export interface NodeContestant extends Contestant {
  readonly doors: Doors;
  readonly leases: readonly LeaseOnHand[];
  /** The longest turn of its event loop since this was asked last, at first none. */
  longestTurn(): Promise<LongestTurn>;
}

export interface Start {
  readonly args?: readonly string[];
  /** Without them it shares all cores with its callers. */
  readonly cores?: Cores | undefined;
  /** Where they are known and it need not say them. */
  readonly leases?: readonly LeaseOnHand[];
}

/** @param file one of `servers/` */
export async function startContestant(
  file: string,
  { args = [], cores, leases: known }: Start = {},
): Promise<NodeContestant> {
  const [program, ...programArgs] = onCore(cores?.server, process.execPath);
  const child = fork(new URL(`servers/${file}`, import.meta.url), args, {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    execPath: program,
    execArgv: programArgs,
  });
  const killChild = (): void => void child.kill("SIGKILL");
  process.once("exit", killChild);
  const { doors, leases: prepared } = await message(child, "ready");
  const leases = known ?? prepared;
  return {
    pid: child.pid ?? Number.NaN,
    doors,
    leases,
    unary: (door = "grpc") => renewCalls(doors, door, leases),
    stream: (batch) => keepAliveCalls(doors, leases, batch),
    async cpuMicros() {
      child.send("cpu");
      return (await message(child, "cpu")).micros;
    },
    async longestTurn() {
      child.send("turn");
      return (await message(child, "turn")).longest;
    },
    async [Symbol.asyncDispose]() {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      process.off("exit", killChild);
      killChild();
      await gone;
    },
  };
}

/** In the contestant's process: says that it is ready, then answers the parent's questions. */
export function serveMeasurements(doors: Doors, leases: readonly LeaseOnHand[]): void {
  const send = (message: FromContestant): void => void process.send?.(message);
  const turns = new TurnWatch();
  process.on("message", (asked: "cpu" | "turn") => {
    if (asked === "cpu") {
      const { user, system } = process.cpuUsage();
      send({ kind: "cpu", micros: user + system });
    } else {
      send({ kind: "turn", longest: turns.take() });
    }
  });
  process.on("disconnect", () => process.exit());
  send({ kind: "ready", doors, leases });
}

type Received<Kind extends FromContestant["kind"]> = Extract<FromContestant, { kind: Kind }>;

function message<Kind extends FromContestant["kind"]>(
  child: ChildProcess,
  kind: Kind,
): Promise<Received<Kind>> {
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(new Error("a server under measurement ended before its time"));
    const receive = (received: FromContestant): void => {
      if (received.kind !== kind) return;
      child.off("message", receive);
      child.off("exit", gone);
      resolve(received as Received<Kind>);
    };
    child.on("message", receive);
    child.once("exit", gone);
  });
}
