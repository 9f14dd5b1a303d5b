import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";

import { type Addresses, type AppOverrides, startApp } from "../../../src/app.ts";
import { ControllerLease } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { readEnv } from "../../../src/settings/read-env.ts";
import { type Environment, toSettings } from "../../../src/settings/settings.ts";

export type Env = Readonly<Record<string, string>>;

/** How to reach a running service, in each protocol. */
export interface Reach {
  /** `host:port` of each door. */
  readonly addresses: Addresses;
  /** gRPC on the internal door. */
  readonly grpc: Transport;
  /** Connect and gRPC-Web on the public door. */
  readonly connect: Transport;
  readonly grpcWeb: Transport;
  /** Clients of the two services over gRPC on the internal door. */
  readonly lease: Client<typeof ControllerLease>;
  readonly registry: Client<typeof FastPathRegistry>;
  /** A client of any service over any of the transports. */
  client<S extends DescService>(service: S, transport?: Transport): Client<S>;
  /** The absolute URL of a path on the public door, and on the ops door. */
  httpUrl(path: string): string;
  opsUrl(path: string): string;
}

/** A service inside this process. Disposing it drains it and removes its files. */
export interface RunningService extends Reach, AsyncDisposable {
  /** Every line of its log so far, parsed. */
  readonly log: readonly LogLine[];
  /** The SQLite file, even when it is not the store. */
  readonly storePath: string;
  drain(): Promise<void>;
  readFilesAnew(): Promise<void>;
}

/** What the service found to be over, worse, or better again, in the words of its log. */
export function verdictsOf({ log }: Pick<RunningService, "log">): readonly string[] {
  const verdicts = ["lease ended", "transport health changed", "handshake abandoned"];
  return log
    .filter(({ msg }) => verdicts.includes(msg))
    .map(({ msg, cause }) => `${msg}: ${cause}`);
}

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface RunOptions extends Omit<AppOverrides, "logTo"> {
  /** Added to the defaults: free loopback ports, store `memory:`, log level trace. */
  readonly env?: Env;
  /** `sqlite` keeps a file in a temporary folder, or the file named. */
  readonly store?: "memory" | "sqlite" | { readonly path: string };
  /** Where the lines of its log come, also while it starts. */
  readonly log?: LogLine[];
}

/** Starts the service in this process on free ports, by default with the memory store. */
export async function runService(options: RunOptions = {}): Promise<RunningService> {
  const { env, store = "memory", log = [], ...overrides } = options;
  const folder = await mkdtemp(join(tmpdir(), "controller-lease-"));
  const storePath = typeof store === "object" ? store.path : join(folder, "lease.db");
  const result = toSettings({
    ...freePorts,
    LEASE_STORE_URL: store === "memory" ? "memory:" : `sqlite:${storePath}`,
    LEASE_LOG_LEVEL: "trace",
    ...env,
  });
  if (result.kind === "faults") throw new Error(result.faults.join("\n"));

  const logTo = { write: (line: string) => void log.push(JSON.parse(line)) };
  const app = await startApp(result.settings, { ...overrides, logTo });
  const { reach, close } = openReach(app.addresses, env);
  return {
    ...reach,
    log,
    storePath,
    drain: () => app.drain(),
    readFilesAnew: () => app.readFilesAnew(),
    async [Symbol.asyncDispose]() {
      close();
      await app.drain();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A service as its own process, by `node src/main.ts`. Disposing it kills it. */
export interface SpawnedService extends Reach, AsyncDisposable {
  readonly pid: number;
  /** Lines so far of standard output (JSON) and of standard error. */
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  /** Stops reading standard output, or reads on. */
  readOutput(isRead: boolean): void;
  /** Sends the signal and resolves when the process has ended. */
  stop(signal?: NodeJS.Signals): Promise<Exit>;
  readonly exited: Promise<Exit>;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * Starts the service as a process on free ports and waits for its ready line. Rejects with what it
 * wrote to standard error when it ends before that. The store is `memory:` unless `env` names one.
 */
export async function spawnService(
  env: Env = {},
  options: StartOptions = {},
): Promise<SpawnedService> {
  const started = startProcess({ ...freePorts, LEASE_STORE_URL: "memory:", ...env }, options);
  const addresses = await started.ready;
  if (addresses === undefined) {
    const { code } = await started.exited;
    throw new Error(`the service ended with ${code}:\n${started.stderr.join("\n")}`);
  }
  const { reach, close } = openReach(addresses, env);
  return {
    ...reach,
    pid: started.pid,
    stdout: started.stdout,
    stderr: started.stderr,
    exited: started.exited,
    readOutput: started.readOutput,
    stop: started.stop,
    async [Symbol.asyncDispose]() {
      close();
      await started.stop("SIGKILL");
    },
  };
}

/** How the service is started where `node src/main.ts` with some environment is not enough. */
export interface StartOptions {
  readonly args?: readonly string[];
  /** A module that is loaded before any of the service, by its URL. */
  readonly preload?: string | undefined;
  /** As a user who may write nothing that others own, where this process may choose one. */
  readonly unprivileged?: boolean;
  /** Files may not grow beyond this many KiB, as on a disk that is full. */
  readonly fileKibMax?: number;
  /** Descriptors that it may have open. */
  readonly openFilesMax?: number | undefined;
}

/** Runs the service on free ports as a process that is expected to end by itself. */
export async function runToExit(
  env: Env,
  options: StartOptions = {},
): Promise<Exit & { readonly stdout: string; readonly stderr: string }> {
  const started = startProcess({ ...freePorts, ...env }, options);
  const exit = await started.exited;
  return { ...exit, stdout: started.stdout.join("\n"), stderr: started.stderr.join("\n") };
}

/** Each door on a port of loopback that is free. */
export const freePorts: Env = {
  LEASE_GRPC_LISTEN: "127.0.0.1:0",
  LEASE_HTTP_LISTEN: "127.0.0.1:0",
  LEASE_OPS_LISTEN: "127.0.0.1:0",
};

/** A service as its own process, which may still be starting. */
export interface Started {
  readonly pid: number;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  readonly exited: Promise<Exit>;
  /** Undefined when the process ended without getting ready. */
  readonly ready: Promise<Addresses | undefined>;
  readOutput(isRead: boolean): void;
  stop(signal?: NodeJS.Signals): Promise<Exit>;
}

const main = join(import.meta.dirname, "../../../src/main.ts");

/** Starts the service as a process and waits for nothing. */
export function startProcess(env: Env, options: StartOptions = {}): Started {
  const { args = [], preload, unprivileged = false } = options;
  const before = preload === undefined ? [] : ["--import", preload];
  const command = [process.execPath, ...before, main, ...args];
  const limits = ulimits(options);
  const limited =
    limits.length === 0 ? command : ["bash", "-c", `${limits} exec "$@"`, "bash", ...command];
  const [file = "", ...rest] = limited;
  const user = unprivileged && process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const child = spawn(file, rest, {
    env: { ...withoutOurs(readEnv()), ...env },
    stdio: ["ignore", "pipe", "pipe"],
    ...user,
  });
  return followed(child);
}

/** Reads what a process of the service writes, from its start on. */
export function followed(child: ChildProcessByStdio<null, Readable, Readable>): Started {
  const stdout: string[] = [];
  const stderr: string[] = [];
  // A test run that ends early must not leave services behind.
  const killChild = (): void => void child.kill("SIGKILL");
  process.once("exit", killChild);
  const exited = new Promise<Exit>((resolve) => {
    child.on("close", (code, signal) => {
      process.off("exit", killChild);
      resolve({ code, signal });
    });
  });
  const output = createInterface(child.stdout);
  const announced = new Promise<Addresses>((resolve) => {
    output.on("line", (line) => {
      stdout.push(line);
      if (line.includes('"msg":"ready"')) resolve(JSON.parse(line) as Addresses);
    });
  });
  createInterface(child.stderr).on("line", (line) => stderr.push(line));
  return {
    pid: child.pid ?? -1,
    stdout,
    stderr,
    exited,
    ready: Promise.race([announced, exited.then(() => undefined)]),
    readOutput: (isRead) => void (isRead ? output.resume() : output.pause()),
    stop(signal = "SIGTERM") {
      child.kill(signal);
      return exited;
    },
  };
}

function ulimits({ fileKibMax, openFilesMax }: StartOptions): string {
  const files = fileKibMax === undefined ? "" : `ulimit -f ${fileKibMax};`;
  return openFilesMax === undefined ? files : `${files} ulimit -n ${openFilesMax};`;
}

function withoutOurs(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("LEASE_")));
}

/** Over TLS, this process has to trust the authority; see `trust`. Connect goes over HTTP/2 then. */
function openReach(addresses: Addresses, env: Env = {}): { reach: Reach; close: () => void } {
  const grpcUrl = `http://${addresses.grpc}`;
  const isSecure = env.LEASE_HTTP_TLS_CERT !== undefined;
  const httpUrl = `${isSecure ? "https" : "http"}://${addresses.http}`;
  const sessionManager = new Http2SessionManager(grpcUrl);
  const httpSessions = new Http2SessionManager(httpUrl);
  const grpc = createGrpcTransport({ baseUrl: grpcUrl, sessionManager });
  const client = <S extends DescService>(service: S, transport: Transport = grpc): Client<S> =>
    createClient(service, transport);
  const reach: Reach = {
    addresses,
    grpc,
    connect: isSecure
      ? createConnectTransport({ baseUrl: httpUrl, httpVersion: "2", sessionManager: httpSessions })
      : createConnectTransport({ baseUrl: httpUrl, httpVersion: "1.1" }),
    grpcWeb: createGrpcWebTransport({ baseUrl: httpUrl, httpVersion: "1.1" }),
    lease: client(ControllerLease),
    registry: client(FastPathRegistry),
    client,
    httpUrl: (path) => `${httpUrl}${path}`,
    opsUrl: (path) => `http://${addresses.ops}${path}`,
  };
  const close = (): void => {
    sessionManager.abort();
    httpSessions.abort();
  };
  return { reach, close };
}
