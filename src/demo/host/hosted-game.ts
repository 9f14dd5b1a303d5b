import type { GameShown } from "../beach/messages.ts";
import { advance, type Game, type Move, move, newGame } from "../pong/game.ts";

/** A game as its host runs it: by the host's own clock, and moved by applied actions alone. */
export class HostedGame {
  #game: Game = newGame();
  /** Undefined until the first move: nobody plays yet. */
  #at: number | undefined;

  apply(wanted: Move): void {
    this.#live();
    this.#at ??= performance.now();
    this.#game = move(this.#game, wanted);
  }

  /** What the host shows whoever sent it actions. */
  shown(lastApplied: number): GameShown {
    this.#live();
    return { applied: lastApplied, game: this.#game };
  }

  #live(): void {
    if (this.#at === undefined) return;
    const now = performance.now();
    this.#game = advance(this.#game, now - this.#at);
    this.#at = now;
  }
}
