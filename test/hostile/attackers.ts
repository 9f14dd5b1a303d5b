import { type ChildProcess, fork } from "node:child_process";
import { setPriority } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { AttackerOrder, AttackerWord } from "./attacker.ts";

/** How an attacker ended, and what it saw. */
export interface Attacked extends AttackerWord {
  /** What its process ended with, where that was not by itself and in time. */
  readonly trouble: string | undefined;
}

const main = join(import.meta.dirname, "attacker.ts");

/** How long a process may take: some attacks go on until they have done enough, some set up first. */
const patienceMsMin = 25_000;
const lateMsMax = 10_000;

/**
 * The service and the well-behaved beach come first on a machine with few cores, with about three
 * times the attacker's share: the attack is judged by what it makes the service do, not by the
 * processor that it takes for itself. Any lower, and a busy machine keeps it from attacking.
 */
const niceness = 5;

/** Attackers, each a process for one attack. The next one starts while another is at work. */
export class Attackers implements Disposable {
  #next: ChildProcess | undefined = start();

  /** Runs an attack, and resolves when its process has ended. */
  async run(order: AttackerOrder): Promise<Attacked> {
    const child = this.#next ?? start();
    this.#next = undefined;
    let last: AttackerWord = { outcomes: {}, wrongs: [] };
    child.on("message", (word) => {
      last = word as AttackerWord;
    });
    const exited = new Promise<string | undefined>((resolve) => {
      child.once("exit", (code, signal) => resolve(code === 0 ? undefined : `${signal ?? code}`));
    });
    child.send(order);
    this.#next = start();
    const done = new AbortController();
    const patienceMs = Math.max(order.seconds * 1000, patienceMsMin) + lateMsMax;
    const late = delay(patienceMs, undefined, { signal: done.signal }).then(
      () => void child.kill("SIGKILL"),
      () => undefined,
    );
    const trouble = await exited;
    done.abort();
    await late;
    return { ...last, trouble };
  }

  [Symbol.dispose](): void {
    this.#next?.kill("SIGKILL");
  }
}

function start(): ChildProcess {
  const child = fork(main, { execArgv: [], stdio: "inherit" });
  const killChild = (): void => void child.kill("SIGKILL");
  process.once("exit", killChild);
  child.once("exit", () => process.off("exit", killChild));
  // At once: what it takes to begin is taken from nobody either.
  if (child.pid !== undefined) setPriority(child.pid, niceness);
  return child;
}
