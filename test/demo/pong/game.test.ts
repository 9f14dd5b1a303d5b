import { expect, test } from "vitest";

import { autopilot } from "../../../src/demo/pong/autopilot.ts";
import { advance, court, type Game, move, newGame } from "../../../src/demo/pong/game.ts";

const pictureMs = 33;

/** Plays by pictures that are so old, and through a stretch in which no move arrives. */
function play(
  seconds: number,
  lagMs: number,
  isCutOff: (atMs: number) => boolean = () => false,
): Game {
  let game = newGame();
  const pictures: Game[] = [];
  for (let at = 0; at < seconds * 1_000; at += pictureMs) {
    game = advance(game, pictureMs);
    pictures.push(game);
    const seen = pictures[pictures.length - 1 - Math.round(lagMs / pictureMs)];
    if (seen === undefined || isCutOff(at)) continue;
    for (const side of ["left", "right"] as const) game = move(game, autopilot(seen, side));
  }
  return game;
}

test.each([0, 100, 250])("a rally never ends when moves arrive %i ms late", (lagMs) => {
  const { drops, hits, longest } = play(600, lagMs);
  expect(drops).toBe(0);
  expect(hits).toBe(longest);
  expect(hits).toBeGreaterThan(300);
});

test("a rally is lost when no move arrives for 2 s, again and again", () => {
  const { drops } = play(60, 0, (at) => at % 5_000 < 2_000);
  expect(drops).toBeGreaterThanOrEqual(8);
});

test("a game lives through the same time alike, in one go or in many", () => {
  const inOne = advance(newGame(), 4_000);
  let inMany = newGame();
  for (let times = 0; times < 500; times += 1) inMany = advance(inMany, 8);
  expect(inOne).toEqual(inMany);
});

test("ball and paddles stay on the court, whatever is asked", () => {
  let game = newGame();
  for (const to of [-1e9, 1e9, Number.NaN, Number.POSITIVE_INFINITY, 3]) {
    game = move(move(game, { side: "left", to }), { side: "right", to });
    for (let times = 0; times < 60; times += 1) {
      game = advance(game, pictureMs);
      for (const { y } of [game.ball, game.left, game.right]) {
        expect(y).toBeGreaterThan(0);
        expect(y).toBeLessThan(court.height);
      }
    }
  }
});
