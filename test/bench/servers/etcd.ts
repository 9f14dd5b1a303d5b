import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { enveloped } from "../../support/network/enveloped.ts";
import { type Cores, onCore } from "../../support/process/cores.ts";
import { freePort } from "../../support/redis/redis-server.ts";
import type { Contestant } from "../contestant.ts";
import { Http2Caller } from "../load/callers.ts";
import type { Calls } from "../load/calls.ts";

/** `etcd --version` in a word, such as `3.4.23`; undefined where there is no etcd. */
export const etcdVersion: string | undefined = versionOf();

const startMsMax = 15_000;
/** Longer than a measurement, so that no lease ends during one. */
const ttlSeconds = 600;

/** One etcd alone, on a folder of its own, with leases granted. */
export async function startEtcd(leases: number, cores: Cores | undefined): Promise<Contestant> {
  const folder = await mkdtemp(join(tmpdir(), "bench-etcd-"));
  const [client, peer] = await Promise.all([freePort(), freePort()]);
  const own = `http://127.0.0.1:${client}`;
  const ownPeer = `http://127.0.0.1:${peer}`;
  const [program, ...args] = onCore(cores?.server, "etcd");
  const urls = ["--listen-client-urls", own, "--advertise-client-urls", own];
  const peers = ["--listen-peer-urls", ownPeer, "--initial-advertise-peer-urls", ownPeer];
  const cluster = ["--initial-cluster", `default=${ownPeer}`];
  const quiet = ["--logger", "zap", "--log-level", "error"];
  const child = spawn(
    program,
    [...args, "--data-dir", folder, ...urls, ...peers, ...cluster, ...quiet],
    { stdio: "ignore" },
  );
  const killChild = (): void => void child.kill("SIGKILL");
  process.once("exit", killChild);
  const ids = await grantLeases(own, leases);
  const keepAlives: Calls = {
    url: `${own}/etcdserverpb.Lease/LeaseKeepAlive`,
    protocol: "http/2",
    contentType: "application/grpc",
    bodies: ids.map((id) => enveloped(keepAliveRequest(id))),
  };
  return {
    pid: child.pid ?? Number.NaN,
    // The RPC is a stream; one that brings a single message and ends is answered once, and ends.
    unary: () => keepAlives,
    stream: () => keepAlives,
    cpuMicros: async () => cpuMicrosOf(child.pid ?? Number.NaN),
    async [Symbol.asyncDispose]() {
      const gone = once(child, "exit");
      process.off("exit", killChild);
      killChild();
      await gone;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function grantLeases(address: string, count: number): Promise<readonly bigint[]> {
  const calls: Calls = {
    url: `${address}/etcdserverpb.Lease/LeaseGrant`,
    protocol: "http/2",
    contentType: "application/grpc",
    bodies: Array.from({ length: count }, (_, index) => enveloped(grantRequest(BigInt(index + 1)))),
  };
  await untilItListens(calls);
  using caller = new Http2Caller(calls);
  const answers = await Promise.all(calls.bodies.map((body) => caller.callForMessage(body)));
  return answers.map(grantedId);
}

async function untilItListens(calls: Calls): Promise<void> {
  const tryUntil = performance.now() + startMsMax;
  for (;;) {
    using caller = new Http2Caller(calls);
    try {
      return await caller.call(enveloped(grantRequest(0n)));
    } catch (error) {
      if (performance.now() > tryUntil) throw new Error("etcd does not answer", { cause: error });
      await sleep(100);
    }
  }
}

/** `message LeaseGrantRequest { int64 TTL = 1; int64 ID = 2; }`; etcd chooses where the id is 0. */
function grantRequest(id: bigint): Uint8Array {
  const ttl = new BinaryWriter().tag(1, WireType.Varint).int64(ttlSeconds);
  return ttl.tag(2, WireType.Varint).int64(id).finish();
}

/** `message LeaseGrantResponse { ResponseHeader header = 1; int64 ID = 2; int64 TTL = 3; … }` */
function grantedId(answer: Uint8Array): bigint {
  const reader = new BinaryReader(answer);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 2) return BigInt(reader.int64());
    reader.skip(wireType);
  }
  throw new Error("etcd granted no lease");
}

/** `message LeaseKeepAliveRequest { int64 ID = 1; }` */
function keepAliveRequest(id: bigint): Uint8Array {
  return new BinaryWriter().tag(1, WireType.Varint).int64(id).finish();
}

/** User and system time of all its threads, which Linux counts in hundredths of a second. */
function cpuMicrosOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name, in parentheses, may have spaces; behind it the state is the first field.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

function versionOf(): string | undefined {
  try {
    const printed = String(execFileSync("etcd", ["--version"], { stdio: "pipe" }));
    return /etcd Version: (\S+)/.exec(printed)?.[1] ?? "unknown";
  } catch {
    return undefined;
  }
}
