import { ballRadius, court, type Game, paddle } from "../../pong/game.ts";
import { find, say } from "./find.ts";

/** A picture glides into the next one for so long: as far as pictures of the fast path are apart. */
const glideMs = 34;
const trailMax = 14;

interface Spot {
  readonly x: number;
  readonly y: number;
}

/** Draws what the host has shown, and nothing that it has not. */
export class CourtView {
  readonly #canvas: HTMLCanvasElement = find<HTMLCanvasElement>("#court");
  readonly #hits: Element = find("#hits");
  readonly #longest: Element = find("#longest");
  readonly #drops: Element = find("#drops");
  #before: Game | undefined;
  #game: Game | undefined;
  #gameAt = 0;
  #trail: Spot[] = [];

  take(game: Game, now: number): void {
    this.#before = this.#game;
    this.#game = game;
    this.#gameAt = now;
    say(this.#hits, String(game.hits));
    say(this.#longest, String(game.longest));
    say(this.#drops, String(game.drops));
  }

  draw(now: number): void {
    const context = this.#canvas.getContext("2d");
    const game = this.#game;
    if (context === null) return;
    const { width, height } = this.#fitted();
    context.setTransform(width / court.width, 0, 0, height / court.height, 0, 0);
    const colours = getComputedStyle(this.#canvas);
    const colour = (name: string): string => colours.getPropertyValue(name);
    context.fillStyle = colour("--court-ground");
    context.fillRect(0, 0, court.width, court.height);
    drawNet(context, colour("--court-net"));
    if (game === undefined) return;
    const share = Math.min(1, (now - this.#gameAt) / glideMs);
    const between = (of: (game: Game) => number): number => {
      const before = this.#before === undefined ? of(game) : of(this.#before);
      return before + (of(game) - before) * share;
    };
    const isServed = this.#before !== undefined && this.#before.drops !== game.drops;
    const ball = isServed
      ? game.ball
      : { x: between((one) => one.ball.x), y: between((one) => one.ball.y) };
    this.#drawTrail(context, ball, colour("--court-ball"));
    for (const side of ["left", "right"] as const) {
      const x = side === "left" ? paddle.inset : court.width - paddle.inset;
      context.fillStyle = colour(`--court-${side}`);
      roundedBar(
        context,
        x,
        between((one) => one[side].y),
      );
    }
    context.fillStyle = colour("--court-ball");
    disc(context, ball, ballRadius);
  }

  #drawTrail(context: CanvasRenderingContext2D, ball: Spot, colour: string): void {
    const last = this.#trail.at(-1);
    const jumped = last !== undefined && Math.abs(last.x - ball.x) > court.width / 3;
    this.#trail = jumped ? [ball] : [...this.#trail, ball].slice(-trailMax);
    context.fillStyle = colour;
    for (const [index, spot] of this.#trail.entries()) {
      context.globalAlpha = (index / trailMax) * 0.22;
      disc(context, spot, ballRadius * (0.4 + (0.6 * index) / trailMax));
    }
    context.globalAlpha = 1;
  }

  /** As many pixels as the screen has for it. */
  #fitted(): { readonly width: number; readonly height: number } {
    const width = Math.round(this.#canvas.clientWidth * devicePixelRatio);
    const height = Math.round((width * court.height) / court.width);
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
    }
    return { width, height };
  }
}

function drawNet(context: CanvasRenderingContext2D, colour: string): void {
  context.fillStyle = colour;
  for (let y = 2; y < court.height; y += 6) context.fillRect(court.width / 2 - 0.3, y, 0.6, 3);
}

function roundedBar(context: CanvasRenderingContext2D, x: number, y: number): void {
  const { width, height } = paddle;
  context.beginPath();
  context.roundRect(x - width / 2, y - height / 2, width, height, width / 2);
  context.fill();
}

function disc(context: CanvasRenderingContext2D, { x, y }: Spot, radius: number): void {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}
