import type { Transport } from "@connectrpc/connect";

import { TransportWatcher, type TransportWatcherOptions } from "../../src/client/index.ts";
import type { TransportState } from "../../src/gen/beach/controller/v1/transport_pb.js";

/** Every message of a watch, in order. Disposing it ends the watch. */
export interface SeenStates extends AsyncDisposable {
  readonly states: readonly TransportState[];
  /** How often a stream ended or could not be opened. */
  readonly troubles: number;
  /** Resolves once a state passes, received already or still to come. */
  until(passes: (state: TransportState) => boolean): Promise<TransportState>;
}

export function watchStates(
  transport: Transport,
  watched: TransportWatcherOptions["watched"],
): SeenStates {
  const states: TransportState[] = [];
  const waiting = new Set<(state: TransportState) => void>();
  let troubles = 0;
  const watcher = new TransportWatcher({
    transport,
    watched,
    onState: (state) => {
      states.push(state);
      for (const look of waiting) look(state);
    },
    onTrouble: () => {
      troubles += 1;
    },
  });
  watcher.start();
  return {
    states,
    get troubles() {
      return troubles;
    },
    until(passes) {
      const received = states.find(passes);
      if (received !== undefined) return Promise.resolve(received);
      return new Promise((resolve) => {
        const look = (state: TransportState): void => {
          if (!passes(state)) return;
          waiting.delete(look);
          resolve(state);
        };
        waiting.add(look);
      });
    },
    [Symbol.asyncDispose]: () => watcher.stop(),
  };
}
