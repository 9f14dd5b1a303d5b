import { type ChildProcess, fork } from "node:child_process";

/** What a server under measurement sends its parent, by IPC. */
type FromContestant =
  | { readonly kind: "ready"; readonly address: string; readonly leases: readonly LeaseOnHand[] }
  | { readonly kind: "cpu"; readonly micros: number };

export interface LeaseOnHand {
  readonly sessionId: string;
  readonly token: string;
  readonly handshakeId: string;
}

/** A server in a process of its own, since one grpc-js process can be 1.4 × faster than the next. */
export interface Contestant extends AsyncDisposable {
  readonly name: string;
  readonly address: string;
  readonly leases: readonly LeaseOnHand[];
  /** Processor time that the server has used so far, in microseconds. */
  cpuMicros(): Promise<number>;
}

export async function startContestant(
  name: string,
  file: string,
  args: readonly string[] = [],
): Promise<Contestant> {
  const child = fork(new URL(file, import.meta.url), args, {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const ready = await message(child, "ready");
  return {
    name,
    address: ready.address,
    leases: ready.leases,
    async cpuMicros() {
      child.send("cpu");
      return (await message(child, "cpu")).micros;
    },
    async [Symbol.asyncDispose]() {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await gone;
    },
  };
}

/** In the contestant's process: answers the parent's questions about processor time. */
export function serveMeasurements(address: string, leases: readonly LeaseOnHand[]): void {
  const send = (message: FromContestant): void => void process.send?.(message);
  process.on("message", () => {
    const { user, system } = process.cpuUsage();
    send({ kind: "cpu", micros: user + system });
  });
  process.on("disconnect", () => process.exit());
  send({ kind: "ready", address, leases });
}

type Received<Kind extends FromContestant["kind"]> = Extract<FromContestant, { kind: Kind }>;

function message<Kind extends FromContestant["kind"]>(
  child: ChildProcess,
  kind: Kind,
): Promise<Received<Kind>> {
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(new Error("a contestant ended before its time"));
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
