import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Deals TCP connections out over targets in turn. Disposing it breaks them all off. */
export interface Balancer extends AsyncDisposable {
  /** Where it listens, as `host:port`. */
  readonly address: string;
  /** From now on connections go to these (`host:port`); those that stand stay where they are. */
  route(targets: readonly string[]): void;
}

const connectTimeoutMs = 1_000;

/**
 * Opens a balancer on a free port of loopback. A target that takes no connection is passed over;
 * when none does, the caller is hung up on.
 */
export async function openBalancer(): Promise<Balancer> {
  const callers = new Set<Socket>();
  let targets: readonly string[] = [];
  let turn = 0;
  const server = createServer({ noDelay: true }, (caller) => {
    callers.add(caller);
    caller.once("close", () => callers.delete(caller));
    caller.on("error", ignore);
    turn += 1;
    const first = turn % Math.max(1, targets.length);
    void carry(caller, [...targets.slice(first), ...targets.slice(0, first)]);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { address, port } = server.address() as AddressInfo;
  return {
    address: `${address}:${port}`,
    route: (next) => {
      targets = next;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const caller of callers) caller.destroy();
      await closed;
    },
  };
}

/** Joins the caller to the first target that takes the connection. */
async function carry(caller: Socket, targets: readonly string[]): Promise<void> {
  for (const target of targets) {
    const callee = await reach(target);
    if (callee === undefined) continue;
    if (caller.destroyed) callee.destroy();
    else join(caller, callee);
    return;
  }
  caller.destroy();
}

/** A connection to the target, or undefined when it takes none in time. */
function reach(target: string): Promise<Socket | undefined> {
  const { hostname, port } = new URL(`tcp://${target}`);
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const callee = connect({ host, port: Number(port), noDelay: true });
  return new Promise((resolve) => {
    const giveUp = setTimeout(() => callee.destroy(), connectTimeoutMs);
    callee.on("error", ignore);
    callee.once("connect", () => {
      clearTimeout(giveUp);
      resolve(callee);
    });
    callee.once("close", () => {
      clearTimeout(giveUp);
      resolve(undefined);
    });
  });
}

/** What one sends the other gets; when one is gone, the other is hung up on after all that. */
function join(one: Socket, other: Socket): void {
  one.pipe(other);
  other.pipe(one);
  one.once("close", () => other.destroySoon());
  other.once("close", () => one.destroySoon());
}

function ignore(): void {
  // The connection closes after an error, and what follows from that is done there.
}
