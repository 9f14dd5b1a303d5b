import { randomUUID } from "node:crypto";

import { LRUCache } from "lru-cache";

import type { BeachId, SessionId } from "../../core/ids.ts";
import type { SessionRecord } from "../../core/session.ts";
import type { EpochMs } from "../../core/time.ts";
import type { FleetCounts, FleetRates } from "../../service/figures/fleet-counts.ts";
import {
  type ChangeNotice,
  type CommitResult,
  type Follower,
  gapsMax,
  type Heartbeat,
  type HeartbeatAnswer,
  type SessionChange,
  type SessionPage,
  type SharedStore,
  type StoreFailure,
} from "../../service/session-store.ts";
import type { Clock, SteeredClock } from "../../service/time/clock.ts";
import { ChangeListeners } from "../change-listeners.ts";
import { encodeRecord } from "../codec/session-codec.ts";
import { RedisLosses } from "./fleet/redis-losses.ts";
import { RedisNegotiations } from "./fleet/redis-negotiations.ts";
import { noticeOf, RedisNotices } from "./fleet/redis-notices.ts";
import { RedisRates, ratesIn, ratesKeptMs } from "./fleet/redis-rates.ts";
import { RedisTime } from "./fleet/redis-time.ts";
import { AcknowledgedChanges } from "./link/redis-acknowledged.ts";
import type { RedisCalls } from "./link/redis-calls.ts";
import { checkTried } from "./link/redis-check.ts";
import { tryScript } from "./link/redis-rights.ts";
import { RedisWatchman } from "./link/redis-watchman.ts";
import { type ChangeAsked, RedisCommits } from "./records/redis-commits.ts";
import { RedisDeadlines } from "./records/redis-deadlines.ts";
import { editsOf } from "./records/redis-edits.ts";
import { RedisIndex } from "./records/redis-index.ts";
import { type BucketKeys, bucketCount, bucketOf, buckets, keysOf } from "./records/redis-keys.ts";
import { RedisRecords } from "./records/redis-records.ts";
import { type HeartbeatReply, toCounts, toGap, toMs } from "./records/redis-replies.ts";
import { heartbeatScript, loadScript } from "./records/redis-scripts.ts";

/** Records remembered from the last read or commit of this process: about 100 MB of them. */
const rememberedMax = 50_000;
interface RedisStoreDeps {
  readonly calls: RedisCalls;
  /** Follows the server's clock, if it can be steered. */
  readonly clock: Clock | SteeredClock;
  readonly database: number;
  readonly acknowledgements: number;
  readonly onFailure: (failure: StoreFailure) => void;
}

/**
 * Sessions in Redis. Everything is written through, and every change is one script: nothing that a
 * process remembers counts until the server agrees.
 */
export class RedisStore implements SharedStore {
  readonly kind = "shared";
  readonly buckets: number = bucketCount;
  readonly bucketOf: (id: SessionId) => number = bucketOf;
  readonly #processId = randomUUID();
  readonly #calls: RedisCalls;
  readonly #clock: Clock | SteeredClock;
  readonly #database: number;
  readonly #acknowledged: AcknowledgedChanges;
  readonly #remembered = new LRUCache<SessionId, SessionRecord>({ max: rememberedMax });
  readonly #records: RedisRecords;
  readonly #losses: RedisLosses;
  readonly #watchman: RedisWatchman;
  readonly #closing = new AbortController();
  /** When this process last sent a heartbeat to each bucket; 0 for never. */
  readonly #heartbeatAt: EpochMs[] = buckets.map(() => 0);
  readonly #listeners = new ChangeListeners();
  readonly #notices: RedisNotices;
  readonly #rates = new RedisRates();
  readonly #negotiations = new RedisNegotiations();
  readonly #commits: RedisCommits;
  readonly #deadlines: RedisDeadlines;
  readonly #index: RedisIndex;
  readonly #time: RedisTime;

  constructor({ calls, clock, database, acknowledgements, onFailure }: RedisStoreDeps) {
    const processId = this.#processId;
    this.#calls = calls;
    this.#clock = clock;
    this.#database = database;
    this.#records = new RedisRecords((error) =>
      onFailure({ where: "record", sessionId: error.sessionId, error }),
    );
    this.#losses = new RedisLosses({ calls, clock, processId, database, onFailure });
    this.#watchman = new RedisWatchman({
      inform: () => calls.inform(),
      onFault: (why) => onFailure({ where: "unfit store", error: new Error(`Redis: ${why}`) }),
      onDropped: (keys) => this.#losses.ofKeys(keys),
    });
    this.#acknowledged = new AcknowledgedChanges(calls, acknowledgements);
    this.#notices = new RedisNotices({
      processId: this.#processId,
      known: (id) => this.#remembered.peek(id),
      forget: (id) => this.#remembered.delete(id),
      load: (id) => this.load(id),
    });
    this.#commits = new RedisCommits(calls);
    this.#deadlines = new RedisDeadlines(calls);
    this.#index = new RedisIndex({ calls, load: (id) => this.load(id) });
    this.#time = new RedisTime(clock);
  }

  async start(): Promise<void> {
    await Promise.all(buckets.map((_, bucket) => this.#tryOut(bucket)));
    // First of all, since everything depends on it.
    await this.#time.set(this.#calls);
    const listening = buckets.map((keys, bucket) =>
      this.#calls.listen(bucket, keys.changesIn(this.#database), (message) =>
        this.#notices.receive(bucket, message),
      ),
    );
    await Promise.all(listening);
    await this.#watchman.look();
    void this.#watchman.run(this.#clock, this.#closing.signal);
  }

  get faults(): readonly string[] {
    return this.#watchman.faults;
  }

  recall(id: SessionId): SessionRecord | undefined {
    return this.#remembered.get(id);
  }

  async load(id: SessionId): Promise<SessionRecord | undefined> {
    // Read before the call: what this process commits meanwhile is newer, not lost.
    const known = this.#remembered.peek(id);
    const bucket = bucketOf(id);
    const keys = keysOf(id);
    const asked = this.#calls.run(bucket, loadScript, [keys.session(id), keys.sessions], [id]);
    const [text, lost] = (await this.#records.call(id, asked)) as readonly unknown[];
    await this.#acknowledged.loaded(bucket, id);
    if (lost === 1) await this.#losses.ofSession(id, known);
    return this.#take(id, text, known);
  }

  async commit(change: SessionChange): Promise<CommitResult> {
    const { id, previous, next } = change;
    const bucket = bucketOf(id);
    const result = await this.#notices.committing(bucket, change, () => this.#commit(change));
    if (result !== "committed") return result;
    this.#negotiations.committed(bucket, change);
    this.#remember(id, next);
    this.#listeners.notify({ id, previous, next });
    return result;
  }

  due(now: EpochMs, limit: number): Promise<readonly SessionId[]> {
    return this.#deadlines.due(now, limit);
  }

  nextDeadline(): Promise<EpochMs | undefined> {
    return this.#deadlines.next();
  }

  postpone(id: SessionId, until: EpochMs): Promise<void> {
    return this.#deadlines.postpone(id, until);
  }

  list(page: SessionPage): Promise<readonly SessionRecord[]> {
    return this.#index.list(page);
  }

  changes(listener: (notice: ChangeNotice) => void): Disposable {
    return this.#listeners.add(listener);
  }

  follow(follower: Follower): Disposable {
    return this.#notices.follow(follower);
  }

  async heartbeat(
    bucket: number,
    { now, quietMs, kind, after }: Heartbeat,
  ): Promise<HeartbeatAnswer> {
    const keys = buckets[bucket];
    if (keys === undefined) throw new Error(`there is no bucket ${bucket}`);
    const sentAt = this.#clock.now();
    const reply = (await this.#calls.run(
      bucket,
      heartbeatScript,
      [keys.state, keys.gaps, keys.negotiations, keys.ratesKept],
      [
        ...[String(now), String(quietMs), kind, String(after), String(gapsMax)],
        ...[String(ratesKeptMs), this.#rates.take(bucket), String(this.#heartbeatAt[bucket])],
      ],
    )) as HeartbeatReply;
    const [gaps, incarnation, changes, negotiations, seconds, microseconds] = reply;
    this.#heartbeatAt[bucket] = now;
    this.#time.receive(bucket, sentAt, toMs(seconds, microseconds));
    this.#negotiations.heartbeat(bucket, toCounts(negotiations));
    this.#notices.heartbeat(bucket, Number(changes), Number(incarnation));
    return { gaps: gaps.map(toGap), incarnation: Number(incarnation) };
  }

  count(beachId: BeachId | undefined): Promise<FleetCounts> {
    return this.#index.count(beachId);
  }

  noteRenewals(beachId: BeachId, now: EpochMs, count: number): void {
    this.#rates.note("renewals", { beachId, now, count });
  }

  noteNegotiation(beachId: BeachId, now: EpochMs): void {
    this.#rates.note("negotiations", { beachId, now, count: 1 });
  }

  async ratesAt(now: EpochMs, beachId: BeachId | undefined): Promise<FleetRates> {
    const rings =
      beachId === undefined
        ? buckets.map(({ rates }, bucket) => this.#calls.send(bucket, ["HGETALL", rates]))
        : [this.#calls.send(bucketOf(beachId), ["HGETALL", keysOf(beachId).ratesOf(beachId)])];
    return ratesIn((await Promise.all(rings)) as readonly Record<string, string>[], now);
  }

  negotiationsInFlight(managerUrl: string): number {
    return this.#negotiations.inFlight(managerUrl);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    return this.#calls[Symbol.asyncDispose]();
  }

  /** Throws unless this process has every right in the bucket that it will need. */
  async #tryOut(bucket: number): Promise<void> {
    const bucketKeys = buckets[bucket] as BucketKeys;
    const { tried } = bucketKeys;
    const channel = bucketKeys.changesIn(this.#database);
    const keys = [String(tried.length), ...tried];
    const refused = await this.#calls.send(bucket, ["EVAL", tryScript.text, ...keys, channel]);
    checkTried(refused as readonly string[]);
    // Again by its hash, which needs a right of its own.
    await this.#calls.run(bucket, tryScript, tried, [channel]);
    await this.#acknowledged.tryOut(bucket);
  }

  async #commit(change: SessionChange): Promise<CommitResult> {
    const { id } = change;
    const bucket = bucketOf(id);
    try {
      const asked = this.#commits.ask(this.#asked(change));
      const [result, record] = await this.#records.call(id, asked);
      if (result === "conflict") await this.#take(id, record, change.previous);
      if (result === "committed") await this.#acknowledged.committed(bucket);
      return result;
    } catch (error) {
      // The change may or may not have happened: only the server knows.
      this.#remembered.delete(id);
      this.#acknowledged.failed(bucket, id);
      throw error;
    }
  }

  #asked(change: SessionChange): ChangeAsked {
    const { id, previous, next, deadline, basis } = change;
    if (basis === undefined) throw new Error("a change of a shared store needs its basis");
    const keys = keysOf(id);
    const edits = editsOf(keys, change);
    const notice = noticeOf(change, this.#processId);
    return {
      bucket: bucketOf(id),
      keys: [keys.session(id), keys.state, keys.deadlines],
      args: [
        previous === undefined ? "" : String(previous.revision),
        next === undefined ? "" : String(next.revision),
        next === undefined ? "" : encodeRecord(next),
        deadline === undefined ? "" : String(deadline),
        id,
        String(basis.gap),
        String(basis.incarnation),
        String(basis.reachedSince),
        edits.length === 0 ? "" : JSON.stringify(edits),
        notice === "" ? "" : keys.changesIn(this.#database),
        notice,
      ],
    };
  }

  /**
   * The record that the server answered with. When it is older than what this process knew before
   * it asked, the server has lost something, and more than this session may be concerned.
   */
  async #take(
    id: SessionId,
    text: unknown,
    known: SessionRecord | undefined,
  ): Promise<SessionRecord | undefined> {
    const record = this.#records.read(id, text);
    this.#remember(id, record);
    if (known !== undefined && isOlder(record, known)) {
      this.#remembered.delete(id);
      if (record === undefined) await this.#losses.ofSession(id, known);
      else await this.#losses.ofChanges(id);
    }
    return record;
  }

  #remember(id: SessionId, record: SessionRecord | undefined): void {
    if (record === undefined) this.#remembered.delete(id);
    else this.#remembered.set(id, record);
  }
}

/** A tombstone is forgotten in time; an attached session is not. */
function isOlder(record: SessionRecord | undefined, known: SessionRecord): boolean {
  return record === undefined ? known.kind === "attached" : record.revision < known.revision;
}
