import { fork } from "node:child_process";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { AttackerConfig, AttackerWord } from "./attacker.ts";

/** How an attacker ended, and what it saw. */
export interface Attacked extends AttackerWord {
  /** What its process ended with, where that was not by itself and in time. */
  readonly trouble: string | undefined;
}

const main = join(import.meta.dirname, "attacker.ts");

/** How long it may take for an attacker to let go once its time is over. */
const lateMsMax = 4_000;
/** What an attack needs before it begins: its process, and whatever it sets up. */
const startMsMax = 8_000;

/** Runs an attack in a process of its own, and resolves when that process has ended. */
export async function startAttacker(config: AttackerConfig): Promise<Attacked> {
  const child = fork(main, [JSON.stringify(config)], { execArgv: [], stdio: "inherit" });
  let last: AttackerWord = { outcomes: {}, wrongs: [] };
  child.on("message", (word) => {
    last = word as AttackerWord;
  });
  const killChild = (): void => void child.kill("SIGKILL");
  process.once("exit", killChild);
  const done = new AbortController();
  const exited = new Promise<string | undefined>((resolve) => {
    child.once("exit", (code, signal) => resolve(code === 0 ? undefined : `${signal ?? code}`));
  });
  const patience = startMsMax + config.seconds * 1000 + lateMsMax;
  const late = delay(patience, undefined, { signal: done.signal }).then(
    () => killChild(),
    () => undefined,
  );
  const trouble = await exited;
  done.abort();
  await late;
  process.off("exit", killChild);
  return { ...last, trouble };
}
