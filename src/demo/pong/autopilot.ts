import { arrivalAt, court, type Game, type Move, paddle, type Side } from "./game.ts";

/** How far off its middle a paddle takes the ball, in turn, so that strokes differ. */
const offsets = [0.15, -0.55, 0.6, -0.2, 0.7, -0.65, 0.35, -0.4] as const;

/** The next move of a player that never tires, by the latest picture that it has seen. */
export function autopilot(game: Game, side: Side): Move {
  const comes = side === "left" ? game.ball.dx < 0 : game.ball.dx > 0;
  if (!comes) return { side, to: court.height / 2 };
  const off = (offsets[game.hits % offsets.length] ?? 0) * (paddle.height / 2);
  return { side, to: arrivalAt(game, side) - off };
}
