import type { WatchMessage, WatchSink } from "../../service/lease-service.ts";
import type { DirectStream } from "../call/handlers.ts";
import type { WatchFilter } from "./watch-filter.ts";
import type { EncodedMessages } from "./watch-message.ts";

interface DirectSinkDeps {
  readonly filter: WatchFilter;
  readonly encoded: EncodedMessages;
  readonly stream: DirectStream;
}

/** About so much leaves in one write: it is held for a reader that takes nothing. */
const togetherBytes = 4_096;

/** Puts messages into a stream as bytes, as far as its reader may see them. */
export class DirectSink implements WatchSink {
  readonly #deps: DirectSinkDeps;
  /** Messages that leave with the next one. */
  #together: Buffer[] = [];
  #bytes = 0;
  #fault: { readonly thrown: unknown } | undefined;
  onReady: () => void = () => undefined;

  constructor(deps: DirectSinkDeps) {
    this.#deps = deps;
    deps.stream.onReady = () => this.onReady();
  }

  write(message: WatchMessage, isMore: boolean): boolean {
    if (this.#fault !== undefined) throw this.#fault.thrown;
    const shown = this.#deps.filter.show(message);
    if (!(shown instanceof Promise)) return this.#send(shown, isMore);
    void this.#sendLater(shown, isMore);
    return false;
  }

  async #sendLater(shown: Promise<WatchMessage | undefined>, isMore: boolean): Promise<void> {
    try {
      if (!this.#send(await shown, isMore)) return;
    } catch (thrown) {
      // The next write reports it.
      this.#fault = { thrown };
    }
    this.onReady();
  }

  #send(shown: WatchMessage | undefined, isMore: boolean): boolean {
    const { encoded, stream } = this.#deps;
    if (shown !== undefined) {
      const envelope = encoded.encode(shown, stream.format);
      if (!isMore && this.#bytes === 0) return stream.write(envelope);
      this.#together.push(envelope);
      this.#bytes += envelope.length;
    }
    if (this.#bytes === 0 || (isMore && this.#bytes < togetherBytes)) return true;
    const envelopes = Buffer.concat(this.#together, this.#bytes);
    this.#together = [];
    this.#bytes = 0;
    return stream.write(envelopes);
  }
}
