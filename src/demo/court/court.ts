import type { Client } from "@connectrpc/connect";

import {
  type ControllerLease,
  RenegotiationReason,
} from "../../gen/beach/controller/v1/controller_lease_pb.js";
import { type Beach, startBeach } from "../beach/beach.ts";
import { type ManagerEvent, plainManners, type TileEvent } from "../beach/messages.ts";
import type { Game, Move } from "../pong/game.ts";
import {
  current,
  evolve,
  newStory,
  type Path,
  type Regime,
  type Story,
  type StoryEvent,
} from "../pong/story.ts";
import type { CourtIntervention } from "../pong/wire.ts";
import { Players } from "./players.ts";

export interface CourtOptions {
  readonly grpcUrl: string;
  readonly httpUrl: string;
  readonly leases: Client<typeof ControllerLease>;
  /** Kills the service, and resolves once it, or another replica, is there again. */
  readonly restartService: () => Promise<void>;
  readonly pace?: CourtPace;
}

export interface CourtPace {
  readonly renewEveryMs: number;
  /** What it takes to set up a connection: about 6 s between real machines. */
  readonly negotiationMs: number;
}

/** A listener receives the story as it goes on, and each picture. */
export interface CourtListener {
  readonly onEvent: (event: StoryEvent) => void;
  readonly onGame: (game: Game) => void;
}

export const gameSessionId = "pong";
const callTimeoutMs = 5_000;
/** Renewals are 15 to 20 s apart elsewhere; nobody wants to wait for that here. */
export const paceDefault: CourtPace = { renewEveryMs: 4_000, negotiationMs: 1_500 };

/** Starts a beach of its own for one game, or rejects and leaves nothing behind. */
export async function openCourt(options: CourtOptions, signal: AbortSignal): Promise<Court> {
  const { pace = paceDefault } = options;
  const beach = await startBeach(
    {
      grpcUrl: options.grpcUrl,
      httpUrl: options.httpUrl,
      privateBeachId: "beach-of-the-page",
      hosts: [
        {
          sessionIds: [gameSessionId],
          negotiation: { ...plainManners, delayMs: pace.negotiationMs },
          runsGames: true,
        },
      ],
      actionsPerSecond: 0,
      oldRenewals: true,
    },
    signal,
  );
  return new Court(beach, { ...options, pace });
}

/** One game on a beach of its own, whose leases are renewed as we do it, or as it used to be done. */
export class Court implements AsyncDisposable {
  readonly players: Players;
  readonly exited: Promise<void>;
  readonly #beach: Beach;
  readonly #options: Required<CourtOptions>;
  readonly #listeners = new Set<CourtListener>();
  readonly #underWay = new Set<CourtIntervention>();
  #renewing: AsyncDisposable;
  #story: Story = newStory(performance.now());
  #game: Game | undefined;

  constructor(beach: Beach, options: Required<CourtOptions>) {
    this.#beach = beach;
    this.#options = options;
    this.exited = beach.manager.exited;
    this.players = new Players((move) => this.#act(move));
    beach.manager.onEvent((event) => this.#managerTold(event));
    this.#renewing = this.#renewAs("ours");
    void this.#startPlaying();
  }

  get story(): Story {
    return this.#story;
  }

  get game(): Game | undefined {
    return this.#game;
  }

  /** Answers how to stop listening. */
  listen(listener: CourtListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Who renews from now on. */
  async switchTo(regime: Regime): Promise<void> {
    if (current(this.#story.regimes) === regime) return;
    this.#record({ kind: "regime", at: performance.now(), regime });
    const before = this.#renewing;
    this.#renewing = this.#renewAs(regime);
    await before[Symbol.asyncDispose]();
  }

  /** Answers why it cannot be done, or undefined once it is. */
  async perform(intervention: CourtIntervention): Promise<string | undefined> {
    if (this.#underWay.has(intervention)) return "it is being done";
    this.#underWay.add(intervention);
    try {
      return await this.#carryOut(intervention);
    } catch (error) {
      return String(error).split("\n")[0];
    } finally {
      this.#underWay.delete(intervention);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.players.stop();
    await this.#beach[Symbol.asyncDispose]();
  }

  async #carryOut(intervention: CourtIntervention): Promise<string | undefined> {
    const at = performance.now();
    switch (intervention) {
      case "kill":
        if (current(this.#story.paths) !== "fast_path") return "there is no fast path to be killed";
        this.#record({ kind: "mark", at, mark: "killed" });
        await this.#beach.manager.ask({ kind: "kill", sessionId: gameSessionId, death: "close" });
        return undefined;
      case "replace":
        if (this.#story.isNegotiating) return "another fast path is being set up already";
        await this.#options.leases.renegotiate(
          { sessionId: gameSessionId, reason: RenegotiationReason.OPERATOR },
          { timeoutMs: callTimeoutMs },
        );
        this.#record({ kind: "mark", at, mark: "replaced" });
        return undefined;
      case "restart":
        this.#record({ kind: "mark", at, mark: "restarted" });
        this.#record({ kind: "service", at, isAway: true });
        await this.#options.restartService();
        this.#record({ kind: "service", at: performance.now(), isAway: false });
        return undefined;
    }
  }

  /** Nothing is measured before there is something to be measured. */
  async #startPlaying(): Promise<void> {
    const isUp = (event: ManagerEvent): boolean =>
      event.kind === "state" && event.path === "FAST_PATH";
    const timeoutMs = 60_000;
    await this.#beach.manager.when(isUp, { timeoutMs }).catch(() => undefined);
    this.players.start();
  }

  #renewAs(regime: Regime): AsyncDisposable {
    const { renewEveryMs } = this.#options.pace;
    if (regime === "old") {
      const tile = this.#beach.startOldTile(gameSessionId, renewEveryMs);
      tile.onEvent(() => this.#record({ kind: "mark", at: performance.now(), mark: "handshake" }));
      return tile;
    }
    const tile = this.#beach.startTile({ sessionId: gameSessionId, reason: "tile", renewEveryMs });
    let isAcquired = false;
    tile.onEvent((event) => {
      if (event.kind !== "renewed") return;
      if (isAcquired) this.#renewed(event);
      isAcquired = true;
    });
    return tile;
  }

  #renewed({ outcome, joined }: Extract<TileEvent, { kind: "renewed" }>): void {
    const mark = outcome === "renegotiate" && !joined ? "handshake" : "refreshed";
    this.#record({ kind: "mark", at: performance.now(), mark });
  }

  #managerTold(event: ManagerEvent): void {
    const at = performance.now();
    if (event.kind === "picture") {
      const { game, over, tookMs } = event;
      if (game.drops > (this.#game?.drops ?? 0)) this.#record({ kind: "dropped", at });
      this.#game = game;
      this.players.see(game);
      this.#record({ kind: "picture", at, over, tookMs });
      for (const listener of this.#listeners) listener.onGame(game);
    } else if (event.kind === "state") {
      const path = event.path.toLowerCase() as Path;
      const isNegotiating = event.negotiating !== "";
      this.#record({ kind: "path", at, path, isNegotiating, generation: event.generation });
    }
  }

  #act(move: Move): void {
    this.#beach.manager.ask({ kind: "act", sessionId: gameSessionId, move }).catch(() => undefined);
  }

  #record(event: StoryEvent): void {
    this.#story = evolve(this.#story, event);
    for (const listener of this.#listeners) listener.onEvent(event);
  }
}
