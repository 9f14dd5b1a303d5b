import type { DurationMs, EpochMs } from "../../../src/core/time.ts";
import type { Answer } from "../../simulation/seen/ask.ts";
import type { History } from "../../simulation/seen/history.ts";
import type { Life } from "../clients/life.ts";
import type { RealLink } from "../clients/real-network.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { Watchman } from "./watchman.ts";

interface SettlingParts {
  readonly life: Life;
  readonly fleet: Fleet;
  readonly watchman: Watchman;
  readonly history: History;
}

/** What one session is, by the word of each replica. */
interface Truth {
  readonly sessionId: string;
  readonly words: readonly (Answer | undefined)[];
}

/** The longest back-off, a negotiation and more: only a service that is broken takes longer. */
const recoverMsMax: DurationMs = 150_000;
/** A reader gives up a stream that is dead after 25 s. */
const showMsMax: DurationMs = 60_000;
const lookEveryMs: DurationMs = 500;

/**
 * Waits for everything to come to rest once nothing is troubled any more: replicas are ready,
 * sessions on fast paths that are up, and streams have told of it. Whatever is not so by the time
 * that even a slow machine needs is for the checkers to judge.
 *
 * Answers with the moment at which the last truth was asked for, from every replica.
 */
export async function settle(parts: SettlingParts): Promise<EpochMs> {
  const { life, history } = parts;
  const { askedAt, truths } = await untilWell(parts);
  for (const { sessionId, words } of truths) {
    for (const word of words.filter((answer) => answer?.kind !== "done")) {
      const said = word?.kind === "refused" ? word.refusal.reason : "nothing";
      history.bug(sessionId, new Error(`a replica answered ${said} in the end`));
    }
  }
  const time = life.world.timeline;
  const showBy = time.now + showMsMax;
  while (!isShown(life, truths) && time.now < showBy) await time.sleep(lookEveryMs);
  return askedAt;
}

async function untilWell({
  life,
  fleet,
  watchman,
}: SettlingParts): Promise<{ readonly askedAt: EpochMs; readonly truths: readonly Truth[] }> {
  const time = life.world.timeline;
  const auditor = life.network.link("auditor in the end");
  const giveUpAt = time.now + recoverMsMax;
  for (;;) {
    const askedAt = time.now;
    const truths = await Promise.all(
      life.places.map(({ sessionId }) => readEverywhere(auditor, fleet, sessionId)),
    );
    const isWell = watchman.isContent && truths.every((truth) => isUp(life, truth));
    if (isWell || time.now > giveUpAt) return { askedAt, truths };
    await time.sleep(lookEveryMs);
  }
}

async function readEverywhere(auditor: RealLink, fleet: Fleet, sessionId: string): Promise<Truth> {
  const words = fleet.runs.map((run) =>
    auditor.askAt(run, sessionId, { kind: "CheckHandshake", handshakeId: "any" }),
  );
  return { sessionId, words: await Promise.all(words) };
}

/** Every replica says that the session is on a fast path, and both ends do. */
function isUp({ peers }: Life, { words }: Truth): boolean {
  const { up } = peers;
  return words.every(
    (answer) =>
      answer?.kind === "done" &&
      answer.transport?.path === "fast_path" &&
      up.includes(answer.transport.handshakeId ?? ""),
  );
}

/** Every open stream has sent it to its reader. */
function isShown({ network }: Life, truths: readonly Truth[]): boolean {
  return truths.every(({ sessionId, words }) => {
    const versions = words.map((answer) =>
      answer?.kind === "done" ? (answer.transport?.version ?? 0) : 0,
    );
    const newest = Math.max(...versions);
    return network.streams.every((stream) => stream.hasReached(sessionId, newest));
  });
}
