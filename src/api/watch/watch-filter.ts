import { type Principal, reaches } from "../../auth/principal.ts";
import type { SessionId } from "../../core/ids.ts";
import type { LeaseService, WatchMessage, WatchSelection } from "../../service/lease-service.ts";
import { find } from "../call/gate.ts";

/** Shows a reader its own sessions. Any other session is sent once as unknown, and never again. */
export class WatchFilter {
  readonly #service: LeaseService;
  readonly #principal: Principal;
  /** The reader sees every message as it is. */
  readonly #isOpen: boolean;
  /** Sessions last sent as unknown; at most those that the reader named. */
  readonly #unknown = new Set<SessionId>();

  constructor(service: LeaseService, principal: Principal, { sessions }: WatchSelection) {
    this.#service = service;
    this.#principal = principal;
    // A reader sees a beach only if it reaches all of its sessions.
    this.#isOpen = principal.reach.kind === "every" || sessions.kind === "beach";
  }

  /** The message as the reader may see it; undefined when there is nothing for it to see. */
  show(message: WatchMessage): WatchMessage | undefined | Promise<WatchMessage | undefined> {
    if (this.#isOpen) return message;
    if (message.kind === "state") {
      const { session } = message;
      if (!reaches(this.#principal, session)) return this.#hide(session.id);
      this.#unknown.delete(session.id);
      return message;
    }
    if (message.kind !== "gone") return message;
    const { sessionId } = message;
    return this.#isOwn(sessionId).then((isOwn) => (isOwn ? message : this.#hide(sessionId)));
  }

  async #isOwn(id: SessionId): Promise<boolean> {
    const found = await find(this.#service, id);
    const record = found.kind === "done" ? found.value : undefined;
    return record !== undefined && reaches(this.#principal, record);
  }

  #hide(sessionId: SessionId): WatchMessage | undefined {
    if (this.#unknown.has(sessionId)) return undefined;
    this.#unknown.add(sessionId);
    return { kind: "gone", sessionId, reason: "unknown", coalesced: 0 };
  }
}
