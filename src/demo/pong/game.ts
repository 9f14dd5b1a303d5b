/** A game of Pong, pure: time is an argument, and chance is a table. Lengths in units of the court. */

export const court = { width: 160, height: 90 } as const;
export const paddle = { height: 20, width: 2.4, inset: 6, speedPerSecond: 170 } as const;
export const ballRadius = 1.8;

export type Side = "left" | "right";

/** A player's move, as an action carries it: where the middle of a paddle is to go. */
export interface Move {
  readonly side: Side;
  readonly to: number;
}

export interface Paddle {
  /** Its middle. */
  readonly y: number;
  readonly to: number;
}

export interface Ball {
  readonly x: number;
  readonly y: number;
  /** Per second. */
  readonly dx: number;
  readonly dy: number;
}

export interface Game {
  readonly ball: Ball;
  readonly left: Paddle;
  readonly right: Paddle;
  /** Strokes since the ball was last dropped. */
  readonly hits: number;
  readonly longest: number;
  readonly drops: number;
  /** The ball rests in the middle for so long before it is served. */
  readonly restMs: number;
}

const speed = { acrossPerSecond: 145, downMaxPerSecond: 92 } as const;
const restAfterDropMs = 700;
const stepMs = 8;
/** What is not lived through: nobody watches a court whose host stood still for longer. */
const advanceMaxMs = 20_000;
/** How steeply the ball is served, in turn. */
const serves = [0.35, -0.6, 0.8, -0.2, 0.55, -0.75] as const;
const inTheMiddle: Paddle = { y: court.height / 2, to: court.height / 2 };

export function newGame(): Game {
  return {
    ball: serve(0),
    left: inTheMiddle,
    right: inTheMiddle,
    hits: 0,
    longest: 0,
    drops: 0,
    restMs: restAfterDropMs,
  };
}

export function move(game: Game, { side, to }: Move): Game {
  const half = paddle.height / 2;
  const target = Number.isFinite(to)
    ? Math.min(court.height - half, Math.max(half, to))
    : undefined;
  return target === undefined ? game : { ...game, [side]: { ...game[side], to: target } };
}

/** The game after so much time, in which nobody moved anything. */
export function advance(game: Game, elapsedMs: number): Game {
  let now = game;
  for (let leftMs = Math.min(elapsedMs, advanceMaxMs); leftMs > 0; leftMs -= stepMs) {
    now = step(now, Math.min(stepMs, leftMs));
  }
  return now;
}

/** Where the ball will be when it reaches a side; where it is served from while it rests. */
export function arrivalAt(game: Game, side: Side): number {
  const { ball, restMs } = game;
  if (restMs > 0 || ball.dx === 0) return ball.y;
  const seconds = (strokeLine(side) - ball.x) / ball.dx;
  return mirrored(ball.y + ball.dy * Math.max(0, seconds));
}

function step(game: Game, ms: number): Game {
  const paddles = { left: follow(game.left, ms), right: follow(game.right, ms) };
  if (game.restMs > 0) return { ...game, ...paddles, restMs: Math.max(0, game.restMs - ms) };
  const { ball } = game;
  const y = ball.y + (ball.dy * ms) / 1_000;
  const flown: Ball = {
    ...ball,
    x: ball.x + (ball.dx * ms) / 1_000,
    y: mirrored(y),
    dy: y < ballRadius || y > court.height - ballRadius ? -ball.dy : ball.dy,
  };
  const moved = { ...game, ...paddles, ball: flown };
  return flown.dx < 0 ? strokeOrDrop(moved, ball.x, "left") : strokeOrDrop(moved, ball.x, "right");
}

function strokeOrDrop(game: Game, before: number, side: Side): Game {
  const { ball } = game;
  const line = strokeLine(side);
  const crossed =
    side === "left" ? before > line && ball.x <= line : before < line && ball.x >= line;
  const off = ball.y - game[side].y;
  if (crossed && Math.abs(off) <= paddle.height / 2 + ballRadius) {
    const hits = game.hits + 1;
    const dy = (off / (paddle.height / 2)) * speed.downMaxPerSecond;
    const back: Ball = { ...ball, x: line, dx: -ball.dx, dy };
    return { ...game, ball: back, hits, longest: Math.max(game.longest, hits) };
  }
  if (ball.x > -ballRadius && ball.x < court.width + ballRadius) return game;
  const drops = game.drops + 1;
  return { ...game, ball: serve(drops), hits: 0, drops, restMs: restAfterDropMs };
}

/** Where the middle of the ball is when it touches the paddle of a side. */
function strokeLine(side: Side): number {
  const reach = paddle.inset + paddle.width / 2 + ballRadius;
  return side === "left" ? reach : court.width - reach;
}

function serve(drops: number): Ball {
  const steepness = serves[drops % serves.length] ?? 0;
  return {
    x: court.width / 2,
    y: court.height / 2,
    dx: drops % 2 === 0 ? speed.acrossPerSecond : -speed.acrossPerSecond,
    dy: steepness * speed.downMaxPerSecond,
  };
}

function follow({ y, to }: Paddle, ms: number): Paddle {
  const reach = (paddle.speedPerSecond * ms) / 1_000;
  return { y: y + Math.max(-reach, Math.min(reach, to - y)), to };
}

/** A height that bounced off the upper and the lower edge as often as it had to. */
function mirrored(y: number): number {
  const span = court.height - 2 * ballRadius;
  const folded = (((y - ballRadius) % (2 * span)) + 2 * span) % (2 * span);
  return ballRadius + (folded > span ? 2 * span - folded : folded);
}
