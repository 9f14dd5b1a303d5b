import type { ServerHttp2Session } from "node:http2";

import type { Sleep } from "../door.ts";

const second = 1_000;
const lookMs = 10 * second;

/** How long a connection may do without a call before it is closed. */
export interface IdleLimits {
  /** One that has brought no call yet. */
  readonly unusedMs: number;
  /** Between two calls. */
  readonly idleMs: number;
}

interface Cared {
  openStreams: number;
  /** In ms, by whole looks. */
  idleMs: number;
  isUsed: boolean;
  /** A ping is on its way since the last look. */
  isAsked: boolean;
}

/**
 * Looks after connections of HTTP/2: one whose peer vanished answers no ping and is closed within
 * 20 s, and one without a call is closed after a while.
 */
export class SessionCare {
  readonly #limits: IdleLimits;
  readonly #sessions = new Map<ServerHttp2Session, Cared>();

  constructor(limits: IdleLimits) {
    this.#limits = limits;
  }

  /** The connections there are. */
  get sessions(): Iterable<ServerHttp2Session> {
    return this.#sessions.keys();
  }

  add(session: ServerHttp2Session): void {
    this.#sessions.set(session, { openStreams: 0, idleMs: 0, isUsed: false, isAsked: false });
    session.once("close", () => this.#sessions.delete(session));
  }

  /** A call begins on the connection; to be told of its end as well. */
  began(session: ServerHttp2Session): void {
    const cared = this.#sessions.get(session);
    if (cared === undefined) return;
    cared.openStreams += 1;
    cared.idleMs = 0;
    cared.isUsed = true;
  }

  ended(session: ServerHttp2Session): void {
    const cared = this.#sessions.get(session);
    if (cared === undefined) return;
    cared.openStreams -= 1;
  }

  /** Looks after them until the signal aborts. */
  async watch(sleep: Sleep, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(lookMs, signal);
      if (signal.aborted) return;
      for (const [session, cared] of this.#sessions) this.#look(session, cared);
    }
  }

  #look(session: ServerHttp2Session, cared: Cared): void {
    const { unusedMs, idleMs } = this.#limits;
    if (cared.openStreams === 0) cared.idleMs += lookMs;
    if (session.destroyed) this.#sessions.delete(session);
    else if (cared.isAsked) session.destroy();
    else if (cared.idleMs >= (cared.isUsed ? idleMs : unusedMs)) session.close();
    else this.#ask(session, cared);
  }

  #ask(session: ServerHttp2Session, cared: Cared): void {
    cared.isAsked = session.ping(() => {
      cared.isAsked = false;
    });
  }
}
