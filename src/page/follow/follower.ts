import { Code, ConnectError } from "@connectrpc/connect";

import {
  type ClientClock,
  callFailure,
  createLeaseClient,
  type LeaseClient,
  type WatchListener,
} from "../../client/index.ts";
import type { TransportState } from "../../gen/beach/controller/v1/transport_pb.js";
import { hasScope, tidied } from "../model/bearer.ts";
import { type BearerBox, bearerInterceptor } from "./bearer-box.ts";
import type { PageStore } from "./page-store.ts";
import { type Revocation, ServiceCalls } from "./service-calls.ts";

export interface FollowerOptions {
  /** Of the public door. */
  readonly baseUrl: string;
  /** The beach that the page's address names. */
  readonly privateBeachId: string | undefined;
  readonly store: PageStore;
  readonly bearers: BearerBox;
  readonly clock: ClientClock;
}

/** Leases and figures are asked for so often; where that takes long, less often. */
const pollMs = 5_000;
const pollShare = 10;
/** When a lease was granted or ended, they are asked for again, but not sooner than this. */
const pollSoonMs = 700;
/** A beach that has no session yet is looked for so often. */
const lookMs = 3_000;

/**
 * Follows one private beach: its transports by a watch, its leases and figures by asking. Tells the
 * store whatever happens, and goes on by itself after every trouble but one: a bearer that the
 * service does not take.
 */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #calls: ServiceCalls;
  readonly #leaseVersions = new Map<string, bigint>();
  #privateBeachId: string | undefined;
  /** Kept while the beach is the same: its watch knows what it need not be sent again. */
  #watched: { readonly privateBeachId: string; readonly client: LeaseClient } | undefined;
  #endListening = (): void => undefined;
  /** Answers of an earlier round are no longer of use. */
  #round = 0;
  #poll: { readonly dueAtMs: number; readonly cancel: () => void } | undefined;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#privateBeachId = options.privateBeachId;
    this.#calls = new ServiceCalls(this.#createClient().transport);
  }

  /** Begins anew with whatever bearer and beach there are. */
  start(): void {
    this.#end();
    const { bearers } = this.#options;
    const privateBeachId = this.#privateBeachId ?? bearers.claims?.privateBeachId;
    if (privateBeachId === undefined) void this.#look(this.#round);
    else this.#follow(privateBeachId);
  }

  giveBearer(pasted: string): void {
    this.#options.bearers.keep(tidied(pasted));
    this.#options.store.dispatch({ kind: "bearer_given" });
    this.start();
  }

  forgetBearer(): void {
    this.#options.bearers.forget();
    this.#leave();
    this.#ask("missing");
  }

  /** Undefined: look which there are. */
  chooseBeach(privateBeachId: string | undefined): void {
    this.#privateBeachId = privateBeachId;
    this.#leave();
    this.start();
  }

  /** Tries at once what would be tried in a while. */
  retry(): void {
    this.#watched?.client.watch.awake();
    if (this.#watched === undefined) this.start();
    else this.#pollIn(0);
  }

  /** Whether the bearer allows to renegotiate and to revoke; without one, the service does. */
  get mayControl(): boolean {
    const { claims } = this.#options.bearers;
    return claims === undefined || hasScope(claims, "pb:control.write");
  }

  get hasBearer(): boolean {
    return this.#options.bearers.current !== undefined;
  }

  async renegotiate(sessionId: string): Promise<string> {
    return await this.#calls.renegotiate(sessionId);
  }

  async revoke(revocation: Revocation): Promise<string> {
    const outcome = await this.#calls.revoke(revocation);
    this.#pollIn(pollSoonMs);
    return outcome;
  }

  #follow(privateBeachId: string): void {
    const { store } = this.#options;
    store.dispatch({ kind: "beach_chosen", privateBeachId });
    const { watch } = this.#clientOf(privateBeachId);
    const endStatus = watch.onStatus(() => {
      const isLive = watch.status === "synced";
      store.dispatch({ kind: isLive ? "connected" : "disconnected" });
      if (isLive) this.#pollIn(0);
    });
    const endStates = watch.listen(this.#listener());
    this.#endListening = () => {
      endStates();
      endStatus();
    };
    this.#pollIn(0);
  }

  #clientOf(privateBeachId: string): LeaseClient {
    if (this.#watched?.privateBeachId !== privateBeachId) {
      this.#watched = { privateBeachId, client: this.#createClient(privateBeachId) };
    }
    return this.#watched.client;
  }

  #createClient(privateBeachId?: string): LeaseClient {
    const { baseUrl, bearers, clock, store } = this.#options;
    const onExpiring = (inMs: number): void => store.dispatch({ kind: "bearer_expiring", inMs });
    return createLeaseClient({
      baseUrl,
      clock,
      interceptors: [bearerInterceptor(bearers, onExpiring)],
      onTrouble: (error) => this.#watchFailed(error),
      ...(privateBeachId !== undefined && { privateBeachId }),
    });
  }

  #listener(): WatchListener {
    const { store } = this.#options;
    return {
      onState: (state) => {
        store.dispatch({ kind: "state", state });
        this.#noticeLeases(state);
      },
      onGone: (sessionId, reason) => store.dispatch({ kind: "gone", sessionId, reason }),
    };
  }

  #noticeLeases({ sessionId, leaseVersion }: TransportState): void {
    const isNews = this.#leaseVersions.get(sessionId) !== leaseVersion;
    this.#leaseVersions.set(sessionId, leaseVersion);
    if (isNews) this.#pollIn(pollSoonMs);
  }

  /** Which beaches are in reach? One is followed; of several, or none, somebody chooses. */
  async #look(round: number): Promise<void> {
    const { store } = this.#options;
    try {
      const beaches = await this.#calls.beaches();
      if (round !== this.#round) return;
      const [only] = beaches;
      if (only !== undefined && beaches.length === 1) return this.#follow(only.privateBeachId);
      store.dispatch({ kind: "asked", question: { kind: "beach", beaches } });
    } catch (error) {
      if (round !== this.#round) return;
      if (this.#failed(error)) return;
    }
    this.#after(lookMs, () => this.#look(round));
  }

  #pollIn(delayMs: number): void {
    const round = this.#round;
    this.#after(delayMs, () => this.#askForLeases(round));
  }

  /** Does one thing at a time: what is due sooner is done instead of what is due later. */
  #after(delayMs: number, work: () => Promise<void>): void {
    const { clock } = this.#options;
    const dueAtMs = clock.monotonicMs() + delayMs;
    if (this.#poll !== undefined && this.#poll.dueAtMs <= dueAtMs) return;
    this.#poll?.cancel();
    const cancel = clock.startTimer(() => {
      this.#poll = undefined;
      void work();
    }, delayMs);
    this.#poll = { dueAtMs, cancel };
  }

  async #askForLeases(round: number): Promise<void> {
    const { clock, store } = this.#options;
    const privateBeachId = this.#watched?.privateBeachId ?? "";
    const startedAt = clock.monotonicMs();
    try {
      const [sessions, fleet] = await Promise.all([
        this.#calls.list(privateBeachId),
        this.#calls.summarize(privateBeachId),
      ]);
      if (round !== this.#round) return;
      store.dispatch({ kind: "listed", sessions });
      store.dispatch({ kind: "summarized", fleet });
    } catch (error) {
      if (round !== this.#round || this.#failed(error)) return;
    }
    this.#pollIn(Math.max(pollMs, (clock.monotonicMs() - startedAt) * pollShare));
  }

  #watchFailed(error: unknown): void {
    const { code } = ConnectError.from(error);
    if (code === Code.Unauthenticated || code === Code.PermissionDenied) this.#failed(error);
  }

  /** Returns whether there is no going on without another bearer. */
  #failed(error: unknown): boolean {
    const { reason, message } = callFailure(error);
    this.#options.store.dispatch({ kind: "trouble", trouble: { reason, message } });
    const isScope = reason === "SCOPE_MISSING";
    if (!isScope && ConnectError.from(error).code !== Code.Unauthenticated) return false;
    this.#end();
    this.#options.store.dispatch({ kind: "disconnected" });
    if (isScope) this.#ask("scope_missing");
    else this.#ask(this.hasBearer ? "rejected" : "missing");
    return true;
  }

  #ask(why: "missing" | "rejected" | "scope_missing"): void {
    this.#options.store.dispatch({ kind: "asked", question: { kind: "bearer", why } });
  }

  #leave(): void {
    this.#end();
    void this.#watched?.client[Symbol.asyncDispose]();
    this.#watched = undefined;
    this.#leaseVersions.clear();
    this.#options.store.dispatch({ kind: "beach_left" });
  }

  #end(): void {
    this.#round += 1;
    this.#poll?.cancel();
    this.#poll = undefined;
    this.#endListening();
    this.#endListening = () => undefined;
  }
}
