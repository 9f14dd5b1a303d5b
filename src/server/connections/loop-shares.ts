import { networkOf } from "./network.ts";

/** Over this stretch it is counted what somebody takes of the loop. */
const stretchMs = 1_000;
/** Whoever took no more of it is light. */
const lightMs = 50;

/** What a connection took: little, little where its network took much, or much. */
export type Weight = "light" | "crowded" | "heavy";

interface Taken {
  stretch: number;
  ms: number;
}

/**
 * What connections took of the loop lately, and the networks that they come from: a caller may have many
 * connections, and make them anew.
 */
export class LoopShares {
  readonly #byConnection = new WeakMap<object, Taken>();
  readonly #networks = new WeakMap<object, string>();
  #byNetwork = new Map<string, Taken>();
  /** Networks of the stretch before: those that took nothing since are forgotten. */
  #byNetworkBefore = new Map<string, Taken>();
  #stretch = 0;

  take(connection: object, ms: number, now: number): void {
    this.#ofConnection(connection, now).ms += ms;
    const network = this.#ofNetwork(connection, now);
    if (network !== undefined) network.ms += ms;
  }

  weightOf(connection: object, now: number): Weight {
    if (this.#ofConnection(connection, now).ms > lightMs) return "heavy";
    const network = this.#ofNetwork(connection, now);
    return network !== undefined && network.ms > lightMs ? "crowded" : "light";
  }

  #ofConnection(connection: object, now: number): Taken {
    const known = this.#byConnection.get(connection);
    const taken = goneOn(known, Math.floor(now / stretchMs));
    if (taken !== known) this.#byConnection.set(connection, taken);
    return taken;
  }

  /** Undefined where that is not known. */
  #ofNetwork(connection: object, now: number): Taken | undefined {
    const network = this.#networks.get(connection) ?? this.#lookUpNetwork(connection);
    if (network === undefined) return undefined;
    const stretch = Math.floor(now / stretchMs);
    if (stretch !== this.#stretch) {
      this.#byNetworkBefore = stretch === this.#stretch + 1 ? this.#byNetwork : new Map();
      this.#byNetwork = new Map();
      this.#stretch = stretch;
    }
    const known = this.#byNetwork.get(network);
    if (known !== undefined) return known;
    const taken = goneOn(this.#byNetworkBefore.get(network), stretch);
    this.#byNetwork.set(network, taken);
    return taken;
  }

  #lookUpNetwork(connection: object): string | undefined {
    const network = networkOfConnection(connection);
    if (network !== undefined) this.#networks.set(connection, network);
    return network;
  }
}

/** Half of what was taken in the stretch before still counts. */
function goneOn(known: Taken | undefined, stretch: number): Taken {
  if (known?.stretch === stretch) return known;
  return { stretch, ms: known?.stretch === stretch - 1 ? known.ms / 2 : 0 };
}

/** Sockets say where they come from, and sessions have one until they end. */
interface Placed {
  readonly remoteAddress?: string | undefined;
  readonly socket?: { readonly remoteAddress?: string | undefined } | undefined;
}

function networkOfConnection(connection: object): string | undefined {
  const { remoteAddress, socket } = connection as Placed;
  const address = remoteAddress ?? socket?.remoteAddress;
  return address === undefined ? undefined : networkOf(address);
}
