import { execFileSync } from "node:child_process";
import { cpus, totalmem } from "node:os";

import type { Cores } from "../../support/process/cores.ts";
import { h2loadVersion } from "../load/h2load.ts";
import { etcdVersion } from "../servers/etcd.ts";
import type { Machine } from "./report.ts";

export function thisMachine(cores: Cores | undefined): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    etcd: etcdVersion ?? "none",
    h2load: h2loadVersion ?? "none",
    commit: commit(),
    pinned:
      cores === undefined
        ? "not pinned: it takes taskset and two cores"
        : `servers to core ${cores.server}, callers to core ${cores.callers}`,
  };
}

function commit(): string {
  try {
    const git = (...args: string[]): string =>
      String(execFileSync("git", args, { cwd: import.meta.dirname, stdio: "pipe" })).trim();
    const isChanged = git("status", "--porcelain") !== "";
    return `${git("rev-parse", "--short", "HEAD")}${isChanged ? "+" : ""}`;
  } catch {
    return "unknown";
  }
}
