import type {
  WatchCaller,
  WatchMessage,
  WatchSelection,
  WatchSink,
  WatchStream,
} from "../../../src/service/lease-service.ts";

interface Watchable {
  watch(selection: WatchSelection, signal: AbortSignal, caller?: WatchCaller): WatchStream;
}

/** A reader that takes whatever comes, as a door does that writes past its stack. */
export interface TestSink {
  readonly messages: readonly WatchMessage[];
  readonly last: WatchMessage | undefined;
  /** Resolves with what ended the stream; undefined for an end without a word. */
  readonly ended: Promise<unknown>;
  /** Whether it takes more; once it does again, what waits comes. */
  takesMore: boolean;
  leave(): void;
}

/** Watches, and takes all messages but the first through a sink. */
export function openSink(
  service: Watchable,
  selection: WatchSelection,
  caller?: WatchCaller,
): TestSink {
  const stop = new AbortController();
  const messages: WatchMessage[] = [];
  let takesMore = true;
  const sink: WatchSink = {
    write(message) {
      messages.push(message);
      return takesMore;
    },
    onReady: () => undefined,
  };
  const stream = service.watch(selection, stop.signal, caller);
  const read = async (): Promise<void> => {
    for await (const message of stream) {
      messages.push(message);
      stream.divert(sink);
    }
  };
  return {
    messages,
    get last() {
      return messages.at(-1);
    },
    ended: read().catch((thrown: unknown) => thrown),
    get takesMore() {
      return takesMore;
    },
    set takesMore(value) {
      takesMore = value;
      if (value) sink.onReady();
    },
    leave: () => stop.abort(),
  };
}
