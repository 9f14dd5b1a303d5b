import type { Edit } from "../../support/sources/edit.ts";

/** A fault to be put into every replica, and the guarantees whose checker may catch it. */
export interface Break {
  readonly name: string;
  /** What the service does then. */
  readonly what: string;
  /** Names of guarantees; `bugs` for what must never happen, whatever they say. */
  readonly caughtBy: readonly string[];
  /** One in whose first minute there is the trouble that it takes. */
  readonly seed: number;
  /** In files of `src`. */
  readonly edits: readonly Edit[];
}

/**
 * Faults of what several processes and Redis add to the core; those of the core itself are left to
 * the walk.
 */
export const breaks: readonly Break[] = [
  {
    name: "gap-unrecorded",
    what: "a stretch in which nobody reached Redis is no gap",
    caughtBy: ["Durable"],
    seed: 22,
    edits: [
      {
        file: "store/redis/records/redis-scripts.ts",
        find: "if alive and now - alive > quiet then",
        put: "if false then",
      },
    ],
  },
  {
    name: "backlog-is-presence",
    what: "heartbeats that a Redis which stood still finds waiting count as if they had come in time",
    caughtBy: ["Durable"],
    seed: 135,
    edits: [
      {
        file: "store/redis/records/redis-scripts.ts",
        find: "if late > quiet / 2 and late < 10000 then",
        put: "if false then",
      },
    ],
  },
  {
    name: "gap-overlooked",
    what: "a process that could not hear decides without the gap, and such a commit counts",
    caughtBy: ["Durable"],
    seed: 22,
    edits: [
      {
        file: "store/redis/records/redis-scripts.ts",
        find: "if (state[2] or '0') ~= ARGV[6] or state[3] ~= ARGV[7]\n    or tonumber(state[1] or '0') < tonumber(ARGV[8]) then",
        put: "if false then",
      },
      {
        file: "service/gaps/fleet-gap-keeper.ts",
        find: "return this.#of(id).isAway;",
        put: "return this.#of(id) === undefined;",
      },
    ],
  },
  {
    name: "gap-never-learnt",
    what: "a process never takes up a gap that its commits are sent back for",
    caughtBy: ["Genuine", "bugs"],
    seed: 22,
    edits: [
      {
        file: "service/gaps/fleet-gap-keeper.ts",
        find: "if (fresh.length > 0) bucket.gaps",
        put: "if (fresh.length > gapsMax) bucket.gaps",
      },
    ],
  },
  {
    name: "no-compare-and-set",
    what: "a commit replaces whatever another process has committed meanwhile",
    caughtBy: ["Durable", "Fenced", "Held"],
    seed: 1,
    edits: [
      {
        file: "store/redis/records/redis-scripts.ts",
        find: "if (redis.call('HGET', KEYS[1], 'revision') or '') ~= ARGV[1] then",
        put: "if false then",
      },
    ],
  },
  {
    name: "conflict-is-success",
    what: "a commit that came too late is answered as if it had been made",
    caughtBy: ["Durable", "Fenced", "Held"],
    seed: 1,
    edits: [
      {
        file: "store/redis/redis-store.ts",
        find: "return result;\n    } catch",
        put: 'return result === "conflict" ? "committed" : result;\n    } catch',
      },
    ],
  },
  {
    name: "answered-too-early",
    what: "a commit is answered before Redis has answered it",
    caughtBy: ["Durable", "Fenced", "Held"],
    seed: 1,
    edits: [
      {
        file: "store/redis/redis-store.ts",
        find: "const result = await this.#notices.committing(bucket, change, () => this.#commit(change));",
        put: 'const result: CommitResult = "committed"; this.#notices.committing(bucket, change, () => this.#commit(change)).catch(() => undefined);',
      },
    ],
  },
  {
    name: "answered-without-redis",
    what: "a commit to which Redis does not answer is answered as if it had been made",
    caughtBy: ["Durable", "Fenced", "Held"],
    seed: 1,
    edits: [
      {
        file: "store/redis/redis-store.ts",
        find: "this.#acknowledged.failed(bucket, id);\n      throw error;",
        put: 'this.#acknowledged.failed(bucket, id);\n      return "committed";',
      },
    ],
  },
  {
    name: "refused-from-memory",
    what: "what changes nothing is answered from what the process remembers",
    caughtBy: ["Durable", "Held"],
    seed: 1,
    edits: [
      {
        file: "service/session-service.ts",
        find: "if (decided.change !== undefined) return await this.#commit(call, decided, decided.change);\n    }",
        put: "return decided.change === undefined ? this.#consequences.outcome(call, decided) : await this.#commit(call, decided, decided.change);\n    }",
      },
    ],
  },
  {
    name: "lost-notice-unnoticed",
    what: "watchers are not told what changed while nothing was heard of the other processes",
    caughtBy: ["Current"],
    seed: 10,
    edits: [
      {
        file: "store/redis/fleet/redis-notices.ts",
        find: "if (isLost || isAnotherCount || state.isBehind) {",
        put: "if (isLost && !isLost) {",
      },
    ],
  },
  {
    name: "notice-of-the-known-ignored",
    what: "watchers are not told what other processes changed of a session that is remembered",
    caughtBy: ["Current"],
    seed: 1,
    edits: [
      {
        file: "store/redis/fleet/redis-notices.ts",
        find: "if (known !== undefined && known.revision >= notice.revision) {",
        put: "if (known !== undefined) {",
      },
    ],
  },
  {
    name: "token-key-per-process",
    what: "each process derives controller tokens by a key of its own",
    caughtBy: ["Undisturbed", "Held"],
    seed: 1,
    edits: [
      {
        file: "service/controller-tokens.ts",
        find: 'return createHmac("sha256", key)',
        put: 'return createHmac("sha256", Buffer.from([...key.export(), process.pid % 251]))',
      },
    ],
  },
  {
    name: "clock-unsteered",
    what: "service time is each process's own, on machines whose clocks are seconds apart",
    caughtBy: ["Held"],
    seed: 1,
    edits: [
      {
        file: "service/time/clock.ts",
        find: "this.#origin = read.wallAheadMs;",
        put: "this.#origin = read.wallAheadMs + (process.pid % 5) * 3_000;",
      },
      {
        file: "service/time/clock.ts",
        find: "const steer = (aheadMs: DurationMs): void => {",
        put: "const steer = (aheadMs: DurationMs): void => {\n    if (aheadMs !== undefined) return;",
      },
    ],
  },
  {
    name: "silence-is-endured",
    what: "a connection to Redis that is never answered again stays in use",
    caughtBy: ["Current", "Genuine", "bugs"],
    seed: 1,
    edits: [
      {
        file: "store/redis/link/redis-calls.ts",
        find: "} else if (now - since >= silentMs) {",
        put: "} else if (now < since) {",
      },
    ],
  },
  {
    name: "figures-moved-in-vain",
    what: "a commit that came too late moves the figures of the fleet all the same",
    caughtBy: ["bugs"],
    seed: 1,
    edits: [
      {
        file: "store/redis/records/redis-scripts.ts",
        find: "    return {'conflict', redis.call('HGET', KEYS[1], 'record')}",
        put: [
          "  for _, edit in ipairs(cjson.decode(ARGV[9] == '' and '[]' or ARGV[9])) do",
          "    if edit[1] == 'HINCRBY' then redis.call(unpack(edit)) end",
          "  end",
          "  return {'conflict', redis.call('HGET', KEYS[1], 'record')}",
        ].join("\n"),
      },
    ],
  },
];

export function breakNamed(name: string): Break {
  const found = breaks.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no break ${name}`);
  return found;
}

/** What a process has to load before the service, to be broken. */
export function preloadOf({ name }: Break): string {
  return new URL(`./break-on-load.ts?${name}`, import.meta.url).href;
}
