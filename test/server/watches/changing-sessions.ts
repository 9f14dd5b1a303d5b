import type { Env, Reach } from "../../support/process/run-service.ts";
import type { RawWatch } from "./raw-watch.ts";

/**
 * Makes the state of a session whose handshake is in flight large, for it says where the manager
 * is: then few of them fill what is between a service and a reader.
 */
export const largeStates: Env = { LEASE_MANAGER_URL: `http://127.0.0.1/${"u".repeat(32_768)}` };

/** Sessions with a handshake in flight, which change whenever that is asked for. */
export class ChangingSessions {
  readonly #reach: Reach;
  /** Tokens of the leases that come and go, by session. */
  readonly #held = new Map<string, string>();

  constructor(reach: Reach) {
    this.#reach = reach;
  }

  async attach(sessionId: string, privateBeachId: string): Promise<void> {
    const asked = { sessionId, privateBeachId, passcode: "1", reason: "tile" };
    await this.#reach.lease.acquire(asked);
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
