import type { HostEvent, StateSeen } from "../../../src/demo/beach/messages.ts";
import {
  type Bookmark,
  bookmark,
  countersOf,
  disturbances,
  isState,
  onFastPath,
  type SessionUnderTest,
  startSession,
} from "../../support/process/beach-under-test.ts";
import type { Reach } from "../../support/process/run-service.ts";
import { goodBeach } from "./good-callers.ts";

const sessionId = "good-fast-path";

/** Where a stretch begins that is looked at. */
interface Since {
  readonly generation: number;
  readonly place: Bookmark;
  readonly missing: number;
  readonly overHttp: number;
  readonly logs: { readonly manager: number; readonly host: number };
}

/** What was seen of the actions over a stretch. */
export interface FastPathSeen {
  readonly failures: readonly string[];
  /** Between two applied actions. */
  readonly largestPauseMs: number;
}

/** A manager and a host, each a process, with actions on their way over real WebRTC. */
export class GoodFastPath implements AsyncDisposable {
  readonly #session: SessionUnderTest;

  private constructor(session: SessionUnderTest) {
    this.#session = session;
  }

  /** @param door by which the host watches; its process trusts no authority of a test */
  static async start(service: Reach, door: "grpc" | "connect"): Promise<GoodFastPath> {
    const session = await startSession(service, {
      sessionId,
      door,
      privateBeachId: goodBeach,
    });
    await onFastPath(session, 1);
    return new GoodFastPath(session);
  }

  async begin(): Promise<Since> {
    const { beach, host } = this.#session;
    const { generation } = await this.#quiet();
    await host.ask({ kind: "mark", sessionId });
    const { applied } = await countersOf(beach, sessionId);
    return {
      generation,
      place: bookmark(beach),
      missing: applied.missing,
      overHttp: applied.overHttp,
      logs: { manager: beach.manager.logs.length, host: host.logs.length },
    };
  }

  /** What has disturbed the path since then. */
  async since({ generation, place, missing, overHttp, logs }: Since): Promise<FastPathSeen> {
    const { beach, host } = this.#session;
    const { applied } = await countersOf(beach, sessionId);
    const { changes } = disturbances(beach, sessionId, place);
    const failures = changes.flatMap((change) => {
      if (change.kind === "link") return [`fast path: ${change.what}`];
      if (change.kind === "carrier") return [`fast path: actions over ${change.over}`];
      if (change.kind === "poller") return [`fast path: poller ${change.paused ? "off" : "on"}`];
      if (change.kind !== "state") return [];
      const isAsBefore = isQuiet(change) && change.generation === generation;
      return isAsBefore ? [] : [`fast path: ${change.reason}`];
    });
    const said = [...beach.manager.logs.slice(logs.manager), ...host.logs.slice(logs.host)];
    const lost = said.map(({ msg }) => msg).filter((msg) => /^(the watch ended|cannot)/.test(msg));
    const skipped = applied.missing - missing;
    const polled = applied.overHttp - overHttp;
    return {
      failures: [
        ...failures,
        ...lost.map((msg) => `an end of the fast path: ${msg}`),
        ...(skipped > 0 ? [`fast path: ${skipped} actions were lost`] : []),
        ...(polled > 0 ? [`fast path: ${polled} actions went over HTTP`] : []),
      ],
      largestPauseMs: applied.largestGapMs,
    };
  }

  /** Waits until nothing is being negotiated: a busy machine may have lost a path by itself. */
  async #quiet(): Promise<StateSeen> {
    const { host } = this.#session;
    const isOfSession = (event: HostEvent): event is StateSeen => isState(event, sessionId);
    const newest = host.events.findLast(isOfSession);
    if (newest !== undefined && isQuiet(newest)) return newest;
    const passes = (event: HostEvent): event is StateSeen => isOfSession(event) && isQuiet(event);
    return await host.when(passes, { from: host.events.length });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }
}

function isQuiet({ path, negotiating }: StateSeen): boolean {
  return path === "FAST_PATH" && negotiating === "";
}
