import type { FilesReadAnew } from "./files-read-anew.ts";
import type { Logger } from "./observe/log/logger.ts";
import type { Doors } from "./server/open-doors.ts";
import type { ServiceObserver } from "./service/service-events.ts";
import type { SessionService } from "./service/session-service.ts";
import { StoreUnavailable } from "./service/session-store.ts";
import { systemClock } from "./service/time/clock.ts";
import { formatListenAddress } from "./settings/listen-address.ts";

/** The service with its three doors open. Disposing it drains it first. */
export interface App extends AsyncDisposable {
  /** Where the doors listen, as `host:port`. */
  readonly addresses: Addresses;
  /**
   * Stops serving: health says so, watchers are asked to reconnect, streams end with UNAVAILABLE,
   * sockets close, the store is written and closed. A second call joins the first.
   */
  drain(): Promise<void>;
  /** Settles when the app has drained, on whatever request. */
  readonly drained: Promise<void>;
  readonly log: Logger;
  /** Reads certificates and key sets from their files again; no connection notices. Never rejects. */
  readFilesAnew(): Promise<void>;
  /** Resolves when the log so far has been written, or its reader has stopped reading. */
  flushLog(): Promise<void>;
  /**
   * Takes an unhandled rejection. An outage of the store is logged and counted. Anything else is a
   * bug: the state of the process can no longer be trusted.
   */
  noteUnhandled(error: unknown): "outage" | "bug";
}

export interface Addresses {
  readonly grpc: string;
  readonly http: string;
  readonly ops: string;
}

/** How long calls under way may take to end once the service drains. */
const drainGraceMs = 5_000;
/** Operators' callers are served on for up to 2.3 s before the door closes, and have their answers. */
const opsGraceMs = 3_000;
/** How long a drain may take as a whole. */
export const drainMsMax = 9_000;
/** How long the reader of the log may take for the last lines. */
const flushMsMax = 500;

export interface Parts {
  readonly doors: Doors;
  readonly service: SessionService;
  /** Aborts when the drain begins. */
  readonly closing: AbortController;
  readonly log: Logger;
  readonly flushed: () => Promise<void>;
  readonly observe: ServiceObserver;
  readonly files: FilesReadAnew;
  /** What the service stands on. */
  readonly resources: AsyncDisposable;
}

/** Serves until it is asked to drain, and then closes its parts in order. */
export class RunningApp implements App {
  readonly addresses: Addresses;
  readonly log: Logger;
  readonly drained: Promise<void>;
  readonly #closing: AbortController;
  readonly #flushed: () => Promise<void>;
  readonly #observe: ServiceObserver;
  readonly #files: FilesReadAnew;

  constructor(parts: Parts) {
    const { grpc, http, ops } = parts.doors;
    this.addresses = {
      grpc: formatListenAddress(grpc.address),
      http: formatListenAddress(http.address),
      ops: formatListenAddress(ops.address),
    };
    this.log = parts.log;
    this.#flushed = parts.flushed;
    this.#closing = parts.closing;
    this.#observe = parts.observe;
    this.#files = parts.files;
    const closed = aborted(parts.closing.signal).then(() => close(parts));
    // Without one of its loops the service would still run, but apply no deadline.
    this.drained = Promise.race([closed, parts.service.running.then(() => closed)]);
  }

  noteUnhandled(error: unknown): "outage" | "bug" {
    if (!(error instanceof StoreUnavailable)) return "bug";
    this.#observe({ kind: "failed", where: "unhandled rejection", error });
    return "outage";
  }

  drain(): Promise<void> {
    this.#closing.abort();
    return this.drained;
  }

  readFilesAnew(): Promise<void> {
    return this.#files.read();
  }

  async flushLog(): Promise<void> {
    await endsWithin(this.#flushed(), flushMsMax);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain();
  }
}

/** Rejects when something keeps the service from closing; an orchestrator would kill it then. */
async function close(parts: Parts): Promise<void> {
  parts.log.info("draining");
  if (await endsWithin(closeInOrder(parts), drainMsMax)) return parts.log.info("drained");
  throw new Error(`the drain did not end within ${drainMsMax} ms`);
}

async function closeInOrder({ doors, service, resources }: Parts): Promise<void> {
  const { grpc, http, ops } = doors;
  service.drain();
  await endsWithin(Promise.allSettled([grpc.finish(), http.finish()]), drainGraceMs);
  await Promise.all([grpc.cutOff(), http.cutOff()]);
  await resources[Symbol.asyncDispose]();
  await endsWithin(ops.finish(), opsGraceMs);
  await ops.cutOff();
}

/** Waits in real time, whatever clock the service runs on. */
async function endsWithin(work: Promise<unknown>, timeMs: number): Promise<boolean> {
  const done = new AbortController();
  const inTime = work.then(() => true);
  const late = systemClock()
    .sleep(timeMs, done.signal)
    .then(() => false);
  try {
    return await Promise.race([inTime, late]);
  } finally {
    done.abort();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
