import type { SessionId } from "../../../src/core/ids.ts";
import type {
  WatchCaller,
  WatchMessage,
  WatchSelection,
} from "../../../src/service/lease-service.ts";
import type { SessionStore } from "../../../src/service/session-store.ts";
import { acquireCommand } from "./commands.ts";
import { settle } from "./manual-clock.ts";
import type { ServiceUnderTest } from "./session-service.ts";

/** Something that streams as the service does: the service, or its hub alone. */
interface Watchable {
  watch(
    selection: WatchSelection,
    signal: AbortSignal,
    caller?: WatchCaller,
  ): AsyncIterable<WatchMessage>;
}

/** A reader that takes one message when asked. */
export interface Reader extends AsyncDisposable {
  next(): Promise<WatchMessage>;
  /** Everything up to and with the next bookmark. */
  untilBookmark(): Promise<readonly WatchMessage[]>;
  isOver(): Promise<boolean>;
  abort(): void;
  readonly signal: AbortSignal;
  /** How often the service broke the stream off. */
  readonly resets: number;
}

export function named(...ids: SessionId[]): WatchSelection {
  return { sessions: { kind: "named", ids }, knownVersions: new Map(), reader: "onlooker" };
}

export function wholeBeach(beachId: string, known: Iterable<[SessionId, number]>): WatchSelection {
  const sessions = { kind: "beach", beachId } as const;
  return { sessions, knownVersions: new Map(known), reader: "onlooker" };
}

export function watch(service: Watchable, selection: WatchSelection): Reader {
  const stop = new AbortController();
  let resets = 0;
  const reset = (): void => {
    resets += 1;
  };
  const iterator = service.watch(selection, stop.signal, { reset })[Symbol.asyncIterator]();
  const next = async (): Promise<WatchMessage> => {
    const { value, done } = await iterator.next();
    if (done) throw new Error("the stream ended");
    return value;
  };
  return {
    next,
    async untilBookmark() {
      const seen = [await next()];
      while (seen.at(-1)?.kind !== "bookmark") seen.push(await next());
      return seen;
    },
    isOver: async () => (await iterator.next()).done === true,
    abort: () => stop.abort(),
    signal: stop.signal,
    get resets() {
      return resets;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await iterator.return?.();
    },
  };
}

/** Grants a lease under the reason, which is a change that watchers see. */
export async function acquire(
  { service }: Pick<ServiceUnderTest, "service">,
  id: SessionId,
  reason: string,
): Promise<void> {
  await service.execute(id, acquireCommand(service, reason));
}

/** The store, whose lists are answered when they are let go, as they were when they were asked. */
export function heldBack(store: SessionStore): SessionStore & { letGo(): Promise<boolean> } {
  const held: (() => void)[] = [];
  const list: SessionStore["list"] = async (page) => {
    const records = await store.list(page);
    await new Promise<void>((resolve) => held.push(resolve));
    return records;
  };
  const letGo = async (): Promise<boolean> => {
    await settle();
    const next = held.shift();
    next?.();
    await settle();
    return next !== undefined;
  };
  return new Proxy(store, {
    get(target, name) {
      if (name === "list") return list;
      if (name === "letGo") return letGo;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  }) as SessionStore & { letGo(): Promise<boolean> };
}
