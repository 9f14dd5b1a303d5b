import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";

import { type Court, type CourtPace, openCourt } from "../../../src/demo/court/court.ts";
import { servePage } from "../../../src/demo/court/page-server.ts";
import type { Game } from "../../../src/demo/pong/game.ts";
import type { StoryEvent } from "../../../src/demo/pong/story.ts";
import { startService } from "../../../src/demo/replicas/service-process.ts";
import { ControllerLease } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";

/** Faster than the demo. */
const hurried: CourtPace = { renewEveryMs: 2_500, negotiationMs: 1_000 };
const whenTimeoutMs = 20_000;

/** The demo's game and its page, on a service of their own. */
export interface CourtUnderTest extends AsyncDisposable {
  readonly court: Court;
  readonly url: string;
  /** The first event from now on that passes. */
  event(passes: (event: StoryEvent) => boolean): Promise<StoryEvent>;
  /** The first picture from now on that passes. */
  game(passes: (game: Game) => boolean): Promise<Game>;
}

export async function startCourt(pace: CourtPace = hurried): Promise<CourtUnderTest> {
  await using starting = new AsyncDisposableStack();
  const service = starting.use(await startService());
  const grpcUrl = `http://${service.grpc}`;
  const sessionManager = new Http2SessionManager(grpcUrl);
  starting.defer(() => sessionManager.abort());
  const court = starting.use(
    await openCourt(
      {
        grpcUrl,
        httpUrl: `http://${service.http}`,
        leases: createClient(
          ControllerLease,
          createGrpcTransport({ baseUrl: grpcUrl, sessionManager }),
        ),
        restartService: () => service.restart(),
        pace,
      },
      new AbortController().signal,
    ),
  );
  const { url } = starting.use(await servePage(court, 0));
  const running = starting.move();
  return {
    court,
    url,
    event: (passes) =>
      first((onEvent) => court.listen({ onEvent, onGame: () => undefined }), passes),
    game: (passes) => first((onGame) => court.listen({ onEvent: () => undefined, onGame }), passes),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function first<Value>(
  listen: (onValue: (value: Value) => void) => () => void,
  passes: (value: Value) => boolean,
): Promise<Value> {
  const { promise, resolve, reject } = Promise.withResolvers<Value>();
  const stop = listen((value) => {
    if (passes(value)) resolve(value);
  });
  const waited = new Error(`nothing of the kind in ${whenTimeoutMs} ms: ${passes}`);
  const timer = setTimeout(() => reject(waited), whenTimeoutMs);
  return promise.finally(() => {
    clearTimeout(timer);
    stop();
  });
}
