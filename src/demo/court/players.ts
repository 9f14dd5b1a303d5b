import { autopilot } from "../pong/autopilot.ts";
import { court, type Game, type Move, type Side } from "../pong/game.ts";

const movesPerSecond = 15;
/** How long a paddle waits for whoever moved it last before it plays itself again. */
const patienceMs = 4_000;

/**
 * Who holds the paddles: a player that never tires each, and on the left whoever takes over. They
 * see what comes back from the host and nothing else, and send a move each 15 times a second.
 */
export class Players {
  readonly #act: (move: Move) => void;
  #timer: NodeJS.Timeout | undefined;
  #seen: Game | undefined;
  #isOver = false;
  #turn: Side = "left";
  #target = 0;
  #movedAt = Number.NEGATIVE_INFINITY;

  constructor(act: (move: Move) => void) {
    this.#act = act;
  }

  start(): void {
    if (this.#isOver) return;
    this.#timer = setInterval(() => this.#play(), 1_000 / (2 * movesPerSecond));
  }

  get leftIsPlayed(): boolean {
    return performance.now() - this.#movedAt < patienceMs;
  }

  see(game: Game): void {
    this.#seen = game;
  }

  takeLeft(to: number): void {
    this.#target = to;
    this.#movedAt = performance.now();
  }

  stop(): void {
    this.#isOver = true;
    clearInterval(this.#timer);
  }

  #play(): void {
    const side = this.#turn;
    this.#turn = side === "left" ? "right" : "left";
    if (side === "left" && this.leftIsPlayed) this.#act({ side, to: this.#target });
    else if (this.#seen !== undefined) this.#act(autopilot(this.#seen, side));
    // Somebody has to act for a picture to come back.
    else this.#act({ side, to: court.height / 2 });
  }
}
