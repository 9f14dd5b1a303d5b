import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import type { Contestant } from "../contestant.ts";
import type { Calls } from "./calls.ts";
import type { Measured, Stretch } from "./load.ts";

/** `h2load --version` in a word, such as `1.52.0`; undefined where there is no h2load. */
export const h2loadVersion: string | undefined = versionOf();

/** It sends one body again and again, so that each process of it renews a lease of its own. */
const processes = 8;
const streamsEach = 16;

const run = promisify(execFile);

/** Renewals by a client that neither we nor the authors of etcd wrote, a call each. */
export async function measureByH2load(
  contestant: Contestant,
  calls: Calls,
  { warmUpMs, ms }: Stretch,
): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), "bench-h2load-"));
  try {
    const files = calls.bodies.slice(0, processes).map((_, index) => join(folder, `body-${index}`));
    await Promise.all(
      files.map((file, index) => writeFile(file, calls.bodies[index] ?? Buffer.alloc(0))),
    );
    const all = async (extent: readonly string[]): Promise<number> => {
      const each = files.map((file) => callBy(calls, file, extent));
      return (await Promise.all(each)).reduce((sum, requests) => sum + requests, 0);
    };
    let warmedUpBy = 0;
    // Again where nothing was answered yet, as on a machine that has much else to do.
    while (warmedUpBy === 0) warmedUpBy = await all(["--duration", `${warmUpMs}ms`]);
    const each = Math.ceil((warmedUpBy * ms) / warmUpMs / files.length);
    const before = { cpu: await contestant.cpuMicros(), at: performance.now() };
    const requests = await all(["--requests", String(Math.max(each, streamsEach))]);
    const cpu = (await contestant.cpuMicros()) - before.cpu;
    const seconds = (performance.now() - before.at) / 1000;
    return { perSecond: requests / seconds, cpuMicros: cpu / requests };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** How many calls were answered; fails unless each was a success. */
async function callBy(calls: Calls, body: string, extent: readonly string[]): Promise<number> {
  const headers = ["--header", `content-type: ${calls.contentType}`];
  if (calls.contentType === "application/grpc") headers.push("--header", "te: trailers");
  // Over HTTP/1.1 it sends a body only when the one before is answered.
  const width =
    calls.protocol === "http/2"
      ? ["--clients", "1", "--max-concurrent-streams", String(streamsEach)]
      : ["--clients", String(streamsEach), "--h1"];
  const args = [...extent, ...headers, ...width, "--data", body, calls.url];
  const { stdout } = await run("h2load", args);
  const told = /requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/;
  const [succeeded, ...others] = told.exec(stdout)?.slice(1).map(Number) ?? [];
  if (succeeded === undefined || others.some((count) => count > 0)) {
    throw new Error(`h2load could not call ${calls.url}:\n${stdout}`);
  }
  return succeeded;
}

function versionOf(): string | undefined {
  try {
    const printed = String(execFileSync("h2load", ["--version"], { stdio: "pipe" }));
    return /nghttp2\/(\S+)/.exec(printed)?.[1] ?? "unknown";
  } catch {
    return undefined;
  }
}
