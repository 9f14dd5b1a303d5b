import type { Cores } from "../support/process/cores.ts";
import type { Stretch } from "./load/load.ts";
import type { Findings } from "./report/row.ts";
import type { FilledFiles } from "./sessions/filled-files.ts";

/** How much is measured. */
export interface Size extends Stretch {
  /** Of each contestant; they take turns. */
  readonly rounds: number;
  /** Leases that are renewed in turn. */
  readonly leases: number;
  /** Watch streams on one session, and how often that changes; and how often for one watcher. */
  readonly streams: number;
  readonly changes: number;
  readonly changesForOne: number;
  /** Leases that end within a second. */
  readonly expiries: number;
  /** Sessions with which a process is killed and started again; of the last, memory is measured. */
  readonly recovered: readonly number[];
  /** Sessions, and watchers of one of them, at which costs are compared. */
  readonly sessionCounts: readonly number[];
  readonly watcherCounts: readonly number[];
}

/** What every part of the bench is given. */
export interface Bench {
  readonly size: Size;
  readonly cores: Cores | undefined;
  readonly files: FilledFiles;
  /** Says what is being measured now. */
  progress(what: string): void;
}

/** A part of the bench that can be run alone. */
export interface Part {
  readonly name: string;
  readonly title: string;
  /** About how long it takes, in seconds. */
  seconds(size: Size): number;
  run(bench: Bench): Promise<Findings>;
}
