import type { ServerResponse } from "node:http";

import type { Game } from "../pong/game.ts";
import type { StoryEvent } from "../pong/story.ts";
import type { FromDemo } from "../pong/wire.ts";
import type { Court } from "./court.ts";

const flushEveryMs = 33;
/** A reader that is so far behind is cut off, and gets the whole when it comes again. */
const behindMaxBytes = 1_000_000;

/** Follows the court for one page, as server-sent events; ends when either side does. */
export function streamCourt(court: Court, response: ServerResponse): void {
  let events: StoryEvent[] = [];
  let game: Game | undefined;
  let leftIsPlayed = court.players.leftIsPlayed;
  const send = (message: FromDemo): void => {
    response.write(`data: ${JSON.stringify(message)}\n\n`);
    if (response.writableLength > behindMaxBytes) response.destroy();
  };
  const flush = (): void => {
    const isPlayed = court.players.leftIsPlayed;
    if (events.length === 0 && game === undefined && isPlayed === leftIsPlayed) return;
    leftIsPlayed = isPlayed;
    const shown = game === undefined ? {} : { game };
    send({ kind: "news", now: performance.now(), events, leftIsPlayed, ...shown });
    events = [];
    game = undefined;
  };
  const stop = court.listen({
    onEvent: (event) => events.push(event),
    onGame: (latest) => {
      game = latest;
    },
  });
  const timer = setInterval(flush, flushEveryMs);
  response.on("close", () => {
    clearInterval(timer);
    stop();
  });
  response.write("retry: 500\n\n");
  const { story } = court;
  send({ kind: "whole", now: performance.now(), story, game: court.game, leftIsPlayed });
}
