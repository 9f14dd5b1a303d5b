import { expect, test } from "vitest";

import {
  answerPath,
  nothingSeen,
  type PathSeen,
  watchPath,
} from "../../../src/client/tile/path-watch.ts";

const spread = { now: { monotonicMs: 1_000, wallMs: 9_000 }, spreadMs: 300 };
const lost: PathSeen = { version: 2n, needsHandshake: true, willingInMs: 0, liveLeases: 1 };
const usable: PathSeen = { ...lost, version: 1n, needsHandshake: false };

test("a path that is gone is negotiated once it was spread, or when the service is willing", () => {
  expect(watchPath(nothingSeen, lost, spread).negotiateAt).toEqual({
    monotonicMs: 1_300,
    wallMs: 9_300,
  });
  const backingOff = watchPath(nothingSeen, { ...lost, willingInMs: 8_000 }, spread);
  expect(backingOff.negotiateAt?.monotonicMs).toBe(9_300);
});

test("the same state again makes nothing due, and neither does a path that came back", () => {
  const answered = answerPath(watchPath(nothingSeen, lost, spread), lost, spread);
  expect(answered.negotiateAt).toBeUndefined();
  expect(watchPath(answered, lost, spread).negotiateAt).toBeUndefined();
  const waiting = watchPath(nothingSeen, lost, spread);
  expect(watchPath(waiting, { ...usable, version: 3n }, spread).negotiateAt).toBeUndefined();
});

test("a lease that ended is looked into, one that was granted is not", () => {
  const two = watchPath(nothingSeen, { ...usable, liveLeases: 2 }, spread);
  expect(two.checkAt).toBeUndefined();
  expect(watchPath(two, { ...usable, version: 2n }, spread).checkAt?.monotonicMs).toBe(1_300);
});

test("an answer that is older than the watch changes nothing but that it was asked", () => {
  const seen = watchPath(nothingSeen, lost, spread);
  expect(answerPath(seen, usable, spread)).toEqual({ ...seen, checkAt: undefined });
});
