import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";

import { Inspector, inspectorEnv } from "../hostile/judging/inspector.ts";
import { ProcessWatch } from "../hostile/judging/process-watch.ts";
import { type JwtMode, jwtMode } from "../support/process/jwt-mode.ts";
import { type SpawnedService, spawnService } from "../support/process/run-service.ts";
import { Http2Caller, httpSender, open, rawSender, type Send } from "./callers.ts";
import { goodCaller } from "./good-caller.ts";
import { grpcRequests, httpRequests, rawBytes, resetBursts } from "./requests.ts";

export interface FuzzOptions {
  readonly seed: number;
  /** 0: one round. */
  readonly seconds: number;
  /** Connections that are opened on every door, and say nothing. */
  readonly idleConnections: number;
  /** Told how far it has come, and of each fault when it shows. */
  readonly say: (line: string) => void;
}

export interface FuzzResult {
  readonly sent: number;
  readonly rounds: number;
  /** What went wrong, each with the seed that shows it again. */
  readonly faults: readonly string[];
}

/** What of a door is sent in one round. */
const perRound = { http: 60, grpc: 60, raw: 40, bursts: 2 } as const;
/** More than that of memory is not garbage, and not what sessions take. */
const keptBytesMax = 100 * 2 ** 20;
/** Longer than the 20 s in which what addresses have reset comes back. */
const settleMsMax = 25_000;
const faultLengthMax = 1_500;
const faultsMax = 10;

/** Sends the service whatever chance makes, on every door, and judges what comes back. */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  await using jwt = await jwtMode();
  await using service = await spawnService({
    ...jwt.env,
    ...inspectorEnv,
    LEASE_LOG_LEVEL: "trace",
  });
  using watch = new ProcessWatch(service.pid);
  using inspector = await Inspector.attach(service.stderr);
  const good = await goodCaller(service, jwt);
  const faults: string[] = [];
  const note = (fault: string): void => {
    faults.push(fault);
    options.say(fault);
  };
  let ended: string | undefined;
  void service.exited.then(({ code, signal }) => {
    ended = `the service ended with ${signal ?? code}`;
  });
  using rounds = new Rounds(service, await bearersOf(jwt));
  await rounds.run(options.seed);
  await inspector.collect();
  const bytesBefore = watch.residentBytes;

  const idle = await idleOn(service, options.idleConnections);
  const until = performance.now() + options.seconds * 1000;
  let count = 0;
  do {
    const seed = options.seed + count;
    count += 1;
    for (const fault of await rounds.run(seed)) note(`seed ${seed}: ${fault}`);
    await good
      .round()
      .catch((error: unknown) => note(`seed ${seed}: the good caller: ${String(error)}`));
    const trouble = troubleOf(service);
    if (trouble !== undefined) note(`seed ${seed}: ${trouble}`);
    if (count % 50 === 0) options.say(`${count} rounds, ${rounds.sent} sent`);
  } while (performance.now() < until && faults.length < faultsMax && ended === undefined);

  for (const socket of idle) socket.destroy();
  const result = { sent: rounds.sent, rounds: count, faults };
  if (ended !== undefined) {
    note(ended);
    return result;
  }
  const left = await heldAfter(service);
  if (left !== undefined) note(left);
  await inspector.collect();
  const keptBytes = watch.residentBytes - bytesBefore;
  if (keptBytes > keptBytesMax) note(`kept ${Math.round(keptBytes / 2 ** 20)} MB`);
  return result;
}

/** What is sent, round by round: the same seed sends the same. */
class Rounds implements Disposable {
  sent = 0;
  readonly #lanes: readonly ((seed: number) => Promise<string | undefined>)[];
  readonly #callers: readonly Disposable[];

  constructor({ addresses }: SpawnedService, bearers: readonly string[]) {
    const calls = new Http2Caller(addresses.grpc, "127.0.0.3");
    const bursts = new Http2Caller(addresses.grpc, "127.0.0.4");
    this.#callers = [calls, bursts];
    this.#lanes = [
      this.#lane("http", httpRequests(bearers), httpSender(addresses)),
      this.#lane("grpc", grpcRequests(bearers), calls.call),
      this.#lane("raw", rawBytes, rawSender(addresses)),
      this.#lane("bursts", resetBursts, bursts.burst),
    ];
  }

  /** Answers what went wrong. */
  async run(seed: number): Promise<readonly string[]> {
    const faults = await Promise.all(this.#lanes.map((lane) => lane(seed)));
    return faults.filter((fault) => fault !== undefined);
  }

  #lane<Sent>(
    name: keyof typeof perRound,
    sent: fc.Arbitrary<Sent>,
    send: Send<Sent>,
  ): (seed: number) => Promise<string | undefined> {
    const property = fc.asyncProperty(sent, async (one) => {
      this.sent += 1;
      const fault = await send(one);
      if (fault !== undefined) throw new Error(fault);
    });
    return async (seed) => {
      const run = await fc.check(property, { seed, numRuns: perRound[name], endOnFailure: false });
      if (!run.failed) return undefined;
      const { errorInstance, counterexample } = run;
      const what = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
      return `${name}: ${what}\n  sent ${shown(counterexample)}`;
    };
  }

  [Symbol.dispose](): void {
    for (const caller of this.#callers) caller[Symbol.dispose]();
  }
}

function shown(sent: unknown): string {
  const text = JSON.stringify(sent, (_key, value: unknown) => {
    const isBuffer = typeof value === "object" && value !== null && "data" in value;
    if (!isBuffer || !Array.isArray(value.data)) return value;
    return typeof value.data[0] === "number" ? Buffer.from(value.data).toString("latin1") : value;
  });
  return text.slice(0, faultLengthMax);
}

async function bearersOf(jwt: JwtMode): Promise<readonly string[]> {
  return [await jwt.person(), await jwt.manager(), await jwt.host("fuzz-1")];
}

async function idleOn(
  { addresses }: SpawnedService,
  count: number,
): Promise<Awaited<ReturnType<typeof open>>[]> {
  const doors = [addresses.grpc, addresses.http];
  return await Promise.all(
    Array.from({ length: count }, (_, index) => open(doors[index % doors.length] ?? "")),
  );
}

/** What the service says of itself that it should not have to say. */
function troubleOf({ stdout, stderr }: SpawnedService): string | undefined {
  const isTrouble = (line: string): boolean => /"level":"(?:error|fatal)"/.test(line);
  const line =
    stdout.find(isTrouble) ?? stderr.find((said) => !/^(?:Debugger|For help)/.test(said));
  return line && `the service says: ${line.slice(0, faultLengthMax)}`;
}

/** What is held for callers who have gone; undefined when it is nothing. */
async function heldAfter(service: SpawnedService): Promise<string | undefined> {
  const until = performance.now() + settleMsMax;
  let held: readonly string[] = [];
  do {
    const metrics = await (await fetch(service.opsUrl("/metrics"))).text();
    held = [...metrics.matchAll(/^lease_budget_used\{budget="(\w+)"\} ([1-9]\S*)$/gm)].map(
      ([, name, used]) => `${name} ${used}`,
    );
    if (held.length === 0) return undefined;
    await delay(200);
  } while (performance.now() < until);
  return `still held after everybody left: ${held.join(", ")}`;
}
