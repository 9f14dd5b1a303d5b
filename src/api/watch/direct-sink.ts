import type { WatchMessage, WatchSink } from "../../service/lease-service.ts";
import type { DirectStream } from "../call/handlers.ts";
import type { WatchFilter } from "./watch-filter.ts";
import type { EncodedMessages } from "./watch-message.ts";

interface DirectSinkDeps {
  readonly filter: WatchFilter;
  readonly encoded: EncodedMessages;
  readonly stream: DirectStream;
}

/** Puts messages into a stream as bytes, as far as its reader may see them. */
export class DirectSink implements WatchSink {
  readonly #deps: DirectSinkDeps;
  #fault: { readonly thrown: unknown } | undefined;
  onReady: () => void = () => undefined;

  constructor(deps: DirectSinkDeps) {
    this.#deps = deps;
    deps.stream.onReady = () => this.onReady();
  }

  write(message: WatchMessage): boolean {
    if (this.#fault !== undefined) throw this.#fault.thrown;
    const shown = this.#deps.filter.show(message);
    if (!(shown instanceof Promise)) return this.#send(shown);
    void this.#sendLater(shown);
    return false;
  }

  async #sendLater(shown: Promise<WatchMessage | undefined>): Promise<void> {
    try {
      if (!this.#send(await shown)) return;
    } catch (thrown) {
      // The next write reports it.
      this.#fault = { thrown };
    }
    this.onReady();
  }

  #send(shown: WatchMessage | undefined): boolean {
    const { encoded, stream } = this.#deps;
    return shown === undefined || stream.write(encoded.encode(shown, stream.format));
  }
}
