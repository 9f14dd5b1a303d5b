import type { Reach } from "../support/run-service.ts";
import type { RawWatch } from "./raw-watch.ts";

/** Sessions whose states are large, so that few of them fill what is between a service and a reader. */
export class LargeSessions {
  readonly #reach: Reach;
  /** Tokens of the leases that come and go, by session. */
  readonly #held = new Map<string, string>();

  constructor(reach: Reach) {
    this.#reach = reach;
  }

  /** A state takes four kilobytes while a handshake is in flight: URLs may be long, and wide. */
  async attach(sessionId: string, privateBeachId: string): Promise<void> {
    const { registry, lease } = this.#reach;
    const managerUrl = `http://127.0.0.1/${sessionId}/${"🏖".repeat(900)}`;
    await registry.attachSession({ sessionId, privateBeachId, managerUrl });
    await lease.acquire({ sessionId, reason: "tile" });
  }

  /** Grants another lease, or ends it: either way there is one new version. */
  async change(sessionId: string): Promise<void> {
    const { lease } = this.#reach;
    const controllerToken = this.#held.get(sessionId);
    if (controllerToken === undefined) {
      const granted = await lease.acquire({ sessionId, reason: "other" });
      this.#held.set(sessionId, granted.controllerToken);
    } else {
      await lease.release({ sessionId, controllerToken });
      this.#held.delete(sessionId);
    }
  }

  /** Changes the sessions until the service cannot write on, however much the kernel takes. */
  async fill(reader: RawWatch, sessionIds: readonly string[]): Promise<void> {
    while (!reader.isFull) await Promise.all(sessionIds.map((id) => this.change(id)));
  }
}
