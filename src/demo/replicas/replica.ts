import { type ServiceProcess, type ServiceSettings, startService } from "./service-process.ts";

/** A place among replicas: a process of the service, and another one after it was killed. */
export class Replica implements AsyncDisposable {
  readonly number: number;
  readonly #settings: ServiceSettings;
  #service: ServiceProcess | undefined;
  #starting: Promise<unknown> = Promise.resolve();
  #calls = 0;

  constructor(number: number, settings: ServiceSettings) {
    this.number = number;
    this.#settings = settings;
  }

  /** The process that runs; undefined while none does. */
  get service(): ServiceProcess | undefined {
    return this.#service;
  }

  async start(): Promise<void> {
    const starting = startService(this.#settings);
    this.#starting = starting.catch(() => undefined);
    this.#service = await starting;
    this.#calls = 0;
  }

  /** Ends the process with SIGKILL. */
  async kill(): Promise<void> {
    const service = this.#service;
    this.#service = undefined;
    await service?.kill();
  }

  /** The calls that ended since this was last asked, and the watches that are open. */
  async describe(): Promise<string> {
    const metrics = this.#service && (await metricsOf(this.#service).catch(() => undefined));
    if (metrics === undefined) return `replica ${this.number} is away`;
    const calls = sumOf(metrics, "lease_calls_total");
    const since = calls - this.#calls;
    this.#calls = calls;
    return `replica ${this.number} ${since} calls, ${sumOf(metrics, "lease_watch_streams")} watches`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#starting;
    await this.#service?.[Symbol.asyncDispose]();
  }
}

async function metricsOf({ ops }: ServiceProcess): Promise<string> {
  const answer = await fetch(`http://${ops}/metrics`, { signal: AbortSignal.timeout(500) });
  return await answer.text();
}

/** A metric over all of its labels but the operators' door, in Prometheus' text format. */
function sumOf(metrics: string, name: string): number {
  return metrics
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) && !line.includes('door="ops"'))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}
