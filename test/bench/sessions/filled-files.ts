import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type Cores, spreadOver } from "../../support/process/cores.ts";
import type { LeaseOnHand } from "../load/calls.ts";

/** A SQLite file as a killed process left it. */
export interface FilledFile {
  readonly path: string;
  /** Memory that a session took in the process that made them, after garbage was collected. */
  readonly bytesEach: number;
  /** Of sessions from all over the file, in no order. */
  readonly leases: readonly LeaseOnHand[];
}

/** Files with so many sessions, each with a lease and an active fast path; each is made once. */
export class FilledFiles implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "bench-sessions-"));
  readonly #files = new Map<number, Promise<FilledFile>>();
  readonly #cores: Cores | undefined;

  constructor(cores: Cores | undefined) {
    this.#cores = cores;
  }

  with(sessions: number): Promise<FilledFile> {
    const made = this.#files.get(sessions) ?? this.#fill(sessions);
    this.#files.set(sessions, made);
    return made;
  }

  async #fill(sessions: number): Promise<FilledFile> {
    using _ = spreadOver(this.#cores);
    return await fill(join(this.#folder, String(sessions)), sessions);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** More than a measurement renews. */
const leasesMax = 200_000;

async function fill(base: string, sessions: number): Promise<FilledFile> {
  const [path, leasesPath] = [`${base}.db`, `${base}.leases`];
  const file = new URL("fill-process.ts", import.meta.url);
  const execArgv = ["--expose-gc", "--max-old-space-size=16000"];
  const child = fork(file, [path, leasesPath, String(sessions)], { execArgv });
  const gone = once(child, "exit");
  const killChild = (): void => void child.kill("SIGKILL");
  process.once("exit", killChild);
  const [bytesEach] = await Promise.race([once(child, "message"), gone.then(() => [])]);
  process.off("exit", killChild);
  killChild();
  await gone;
  if (typeof bytesEach !== "number") throw new Error("a file could not be filled with sessions");
  const lines = readFileSync(leasesPath, "latin1").trimEnd().split("\n");
  return { path, bytesEach, leases: shuffled(lines).map(leaseOf) };
}

function leaseOf(line: string): LeaseOnHand {
  const [sessionId = "", token = ""] = line.split(" ");
  return { sessionId, token, handshakeId: "" };
}

function shuffled(lines: string[]): readonly string[] {
  const count = Math.min(lines.length, leasesMax);
  for (let at = 0; at < count; at += 1) {
    const other = at + Math.floor(Math.random() * (lines.length - at));
    [lines[at], lines[other]] = [lines[other] ?? "", lines[at] ?? ""];
  }
  return lines.slice(0, count);
}
