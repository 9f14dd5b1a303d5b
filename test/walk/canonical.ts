import { mintedAt } from "../../src/core/ids.ts";
import type {
  AbandonedHandshake,
  Delivery,
  Evidence,
  Handshake,
  LeaseBook,
  PromotedHandshake,
  Session,
  SessionRecord,
  Transport,
  UnrecognisedHandshake,
} from "../../src/core/session.ts";
import { agesFrom } from "./judging/evidence-rules.ts";
import type { Served } from "./judging/taken.ts";
import type { Scene } from "./scenes.ts";
import { smallPolicy, tickMs } from "./small-policy.ts";
import { foreign, keysOf, type LeftOfHold, letterOf } from "./vocabulary.ts";

const inTicks = (ms: number): number => Math.round(ms / tickMs);
const staleTicks = inTicks(smallPolicy.evidenceStaleMs);
const lostTicks = inTicks(smallPolicy.evidenceLostMs);
const sayTicks = inTicks(smallPolicy.hostSayMs);
const provenTicks = inTicks(smallPolicy.provenMs);
/** The delay after this many failures in a row, and after each one more, is the longest. */
const failuresThatCount = 2;
const idleTicks = inTicks(smallPolicy.sessionIdleMs);
const recoveryTicks = inTicks(smallPolicy.recoveryMs);
const noConnectionTicks = inTicks(smallPolicy.noConnectionMs);

/** A record at a moment, and since when it has been heard without a gap. */
export interface Received {
  readonly record: SessionRecord | undefined;
  readonly now: number;
  readonly receivingSince: number;
}

/** All that a walk goes on from. */
export interface Stood extends Received {
  /** What was ever served, whatever the record has forgotten. */
  readonly served: Served;
  readonly copy: Copy | undefined;
}

/** A copy of the record that may be put back, and when it was taken. */
export interface Copy {
  readonly record: Session;
  readonly at: number;
}

/**
 * A record at `now` as one string; two records with the same string behave alike from here on.
 *
 * - Moments are ages or distances in ticks, and stop counting where no rule looks further.
 * - What gaps kept from aging is as old as it counts, for everything that looks at its age.
 * - Left out, since no rule decides by it: revision, version, lastChange, missedSince, epochs and the other
 *   counters but as "none yet"; how leases ended; numbers of reports (the walk sends the next one
 *   or repeats one); attempts; who reported (all observe at once, so nobody overtakes another).
 * - Failures and early deaths stop counting where the delay stops growing.
 * - The two lease keys are interchangeable: they stand in the order of what they hold.
 * - Where records are forgotten, it matters how what was served stands to what is remembered.
 *
 * A walk tries this claim: now and then it takes two records that have met and compares all that
 * follows from either.
 */
export function canonical(
  { record, now, receivingSince, served, copy }: Stood,
  scene: Scene,
): string {
  const { forgets = false } = scene;
  const form = formOf({ record, now, receivingSince }, scene);
  if (!forgets) return form;
  const past = `after ${pastForm(record, served)}`;
  if (copy === undefined) return `${form} ${past}`;
  const kept = { record: copy.record, now: copy.at, receivingSince: copy.at };
  // A gap gives back all the time since but that for which a transport has been the promoted one.
  const since = Math.min(inTicks(now - copy.at), provenTicks);
  const order = inOrder(newestIn(copy.record), newestIn(record));
  const copied = `${formOf(kept, scene)} ${order}${pastForm(copy.record, served)}`;
  return `${form} ${past}; ${since} ago ${copied}`;
}

/** How what was served last stands to what a record remembers. */
function pastForm(record: SessionRecord | undefined, served: Served): string {
  const { generation, epoch, handshakeId: id } = served;
  if (record === undefined) return generation + epoch > 0 ? "a life" : "none";
  const order = (a: string | undefined): string => inOrder(a, id);
  const isOlder = (mintedAt(id ?? "") ?? 0) < record.knownSince ? "o" : "";
  const beyondEpoch = epoch > record.leases.epoch ? "e" : "";
  if (record.kind === "detached") {
    const beyondGeneration = generation > record.generation ? "g" : "";
    const floor = record.generationFloor > record.generation ? "f" : "";
    return `${beyondGeneration}${floor}${beyondEpoch}${isOlder}${order(record.newestHandshakeId)}`;
  }
  const { transport } = record;
  const { path, lingering, abandoned, unrecognised } = transport;
  const current = path.kind === "active" || path.kind === "replacing" ? path.current : undefined;
  const next = path.kind === "negotiating" || path.kind === "replacing" ? path.next : undefined;
  const held = [current, next, lingering, ...abandoned, ...unrecognised].map((one) =>
    order(one?.id),
  );
  const ids = [transport.newestHandshakeId, transport.youngestRetiredId].map(order);
  const beyondGeneration = generation > transport.generation ? "g" : "";
  const floor = transport.generationFloor > transport.generation ? "f" : "";
  return `${beyondGeneration}${floor}${beyondEpoch}${isOlder}${held.join("")}/${ids.join("")}`;
}

function inOrder(a: string | undefined, b: string | undefined): string {
  if (a === undefined || b === undefined) return "-";
  return a < b ? "<" : a > b ? ">" : "=";
}

function newestIn(record: SessionRecord | undefined): string | undefined {
  return record?.kind === "attached"
    ? record.transport.newestHandshakeId
    : record?.newestHandshakeId;
}

function formOf({ record, now, receivingSince }: Received, scene: Scene): string {
  const { gaps } = scene;
  if (record === undefined) return "none";
  const left = (at: number): number => Math.max(0, Math.ceil((at - now) / tickMs));
  if (record.kind === "detached") {
    const { generation, generationFloor, newestHandshakeId } = record;
    const used = generation > 0 ? "g" : generationFloor > 0 ? "f" : "";
    const past = `${used}${newestForm(newestHandshakeId, scene)}`;
    const kept = left(record.detachedAt + smallPolicy.tombstoneMs);
    return `detached ${kept}${past} ${bookForm(record.leases, left)}`;
  }
  // The next gap may have begun a tick ago, if the last one was over by then.
  const deaf = gaps && receivingSince > now - tickMs;
  return (deaf ? "!" : "") + new Form(record, now, scene, gaps && !deaf ? 1 : 0).text();
}

function bookForm(
  book: LeaseBook,
  left: (at: number) => number,
  leftOfHold: LeftOfHold = (at) => left(at) || undefined,
): string {
  const all = book.holds.find((hold) => hold.kind === "session");
  return `${(all && leftOfHold(all.until)) ?? "-"}${keysOf(book, left, leftOfHold)
    .map((key) => key.form)
    .join("")}`;
}

/** The newest id that a session has started, as far as the moves of the scene go by it. */
function newestForm(id: string | undefined, { says, negotiates }: Scene): string {
  if (says.foreign !== undefined) return beyond(id);
  return negotiates === "once" && id !== undefined ? "b" : "";
}

/** How an id compares with the foreign ones, older and younger than all that a walk starts. */
function beyond(id: string | undefined): string {
  if (id === undefined) return "-";
  if (id === foreign.older) return "o";
  return id < foreign.younger ? "b" : id === foreign.younger ? "a" : "c";
}

/** Builds the form of an attached session. */
class Form {
  readonly #session: Session;
  readonly #transport: Transport;
  readonly #now: number;
  readonly #scene: Scene;
  /** How many ticks ago the next gap may have begun. */
  readonly #gapTicks: number;

  constructor(session: Session, now: number, scene: Scene, gapTicks: number) {
    this.#scene = scene;
    this.#gapTicks = gapTicks;
    this.#session = session;
    this.#transport = session.transport;
    this.#now = now;
  }

  text(): string {
    const { leases, activeAt } = this.#session;
    const { path, abandoned, lingering, unrecognised } = this.#transport;
    // A live lease keeps the session from idling, and its end counts as use; yet a gap that began
    // before the last use moves that beyond now.
    const idle = this.#age(activeAt, leases.live.length > 0 ? this.#gapTicks : idleTicks);
    const current = path.kind === "active" || path.kind === "replacing" ? path.current : undefined;
    const next = path.kind === "negotiating" || path.kind === "replacing" ? path.next : undefined;
    return [
      bookForm(
        leases,
        (at) => this.#left(at),
        (at) => this.#hold(at),
      ),
      `i${idle}`,
      this.#say(),
      this.#delays(current),
      current ? this.#current(current) : "",
      next ? this.#next(next) : "",
      abandoned.map((one) => this.#abandoned(one)).join("+"),
      lingering ? `${this.#left(lingering.honouredUntil)}${this.#origin(lingering)}` : "",
      unrecognised.map((one) => this.#unrecognised(one)).join("+"),
    ].join("|");
  }

  #age(at: number, most: number): number {
    return Math.min(most, Math.floor((this.#now - at) / tickMs));
  }

  /** A gap that began a little ago may make younger what is just too old by now. */
  #observed(at: number, most: number): number {
    return this.#age(at, most + this.#gapTicks);
  }

  #left(at: number): number {
    return Math.max(0, Math.ceil((at - this.#now) / tickMs));
  }

  /** Of a back-off: a gap that began before it was over prolongs it. */
  #delay(until: number): number {
    return Math.max(-this.#gapTicks, Math.ceil((until - this.#now) / tickMs));
  }

  /** The same of a hold; one that is over is as none. */
  #hold(until: number): number | undefined {
    const left = this.#delay(until);
    return left > -this.#gapTicks ? left : undefined;
  }

  /** When the attach gave the host a say, it does not matter when the host was heard. */
  #say(): string {
    const { hostReports, hostReportedAt, generation, generationFloor, settled } = this.#transport;
    const heard = hostReportedAt === undefined ? "-" : this.#observed(hostReportedAt, sayTicks);
    const said = hostReports ? "H" : `h${heard}`;
    const used = generation > 0 ? "g" : generationFloor > 0 ? "f" : "";
    return `${said}${used}${settled ? "s" : ""}${this.#past()}`;
  }

  /** What the ids that were started here, and those that were not, have in common with each other. */
  #past(): string {
    const { newestHandshakeId: newest, youngestRetiredId: retired } = this.#transport;
    const { says } = this.#scene;
    const newestOne = newestForm(newest, this.#scene);
    if (says.foreign !== undefined) return `${newestOne}${beyond(retired)}`;
    return `${newestOne}${says.retired !== undefined && retired !== undefined ? "r" : ""}`;
  }

  /** Proof is counted only while usable, and from the end of the delay for replacements. */
  #delays(current: PromotedHandshake | undefined): string {
    const { recoveries, replacements, earlyDeaths } = this.#transport;
    const proving = current !== undefined && current.health !== "lost";
    const since =
      proving && recoveries.failures + earlyDeaths > 0
        ? `p${this.#age(current.usableSince, provenTicks)}`
        : "";
    const proven =
      proving && replacements.failures > 0
        ? `p${this.#age(Math.max(replacements.notBefore, current.usableSince), provenTicks)}`
        : "";
    return [
      `${Math.min(recoveries.failures, failuresThatCount)}/${this.#delay(recoveries.notBefore)}`,
      `${earlyDeaths > 0 ? "e" : ""}${since}`,
      `${Math.min(replacements.failures, failuresThatCount)}/${this.#delay(replacements.notBefore)}`,
      proven,
    ].join(",");
  }

  #current(current: PromotedHandshake): string {
    const { health, healthReason, manager, host, promotedAt, goodSince } = current;
    const name = `${health}/${healthReason}`;
    if (isDead(current)) return `${name}${this.#readyForm(host)}${this.#origin(current)}`;
    // Only the newest report says for how long all have been silent.
    const known = agesFrom(current);
    const newest = Math.max(...[manager, host].map((end) => (end ? agesFrom(end) : known)));
    const good =
      goodSince === undefined || health === "healthy" || health === "stale"
        ? ""
        : `g${this.#observed(goodSince, recoveryTicks)}`;
    return [
      name,
      this.#age(promotedAt, provenTicks),
      this.#observed(newest, lostTicks),
      good,
      manager ? this.#word(manager) : this.#observed(known, staleTicks),
      host ? this.#word(host) : this.#observed(known, staleTicks),
      this.#origin(current),
    ].join(",");
  }

  /** An adopted one may be older or younger than all that this session started. */
  #origin({ id }: { readonly id: string }): string {
    if (id === foreign.odd) return "odd";
    return id === foreign.older ? "old" : id === foreign.younger ? "young" : "";
  }

  /** Of a dead transport only this matters: that the host still uses it speaks against others. */
  #readyForm(host: Evidence | undefined): string {
    if (host === undefined) return "_";
    const age = isReadyWord(host) ? this.#observed(agesFrom(host), staleTicks) : "-";
    return `${age}${this.#claims(host)}`;
  }

  #next({ confirmBy, manager, host, delivery }: Handshake): string {
    const words = `${this.#word(manager)}${this.#word(host)}`;
    return `${this.#left(confirmBy)}${words}${this.#delivery(delivery)}`;
  }

  /** Who asked decides what is sent, and nothing that comes after. */
  #delivery(delivery: Delivery | undefined): string {
    if (delivery?.kind !== "pending") return delivery === undefined ? "" : "d";
    const { tries, nextTryAt } = delivery;
    return `t${this.#left(nextTryAt)}/${Math.min(tries, failuresThatCount)}`;
  }

  #abandoned({ honouredUntil, manager, host }: AbandonedHandshake): string {
    const words = `${this.#word(manager)}${this.#word(host)}`;
    return `${this.#left(honouredUntil)}${words}`;
  }

  #unrecognised({ id, manager, host }: UnrecognisedHandshake): string {
    return `${this.#origin({ id })}${this.#word(manager)}${this.#word(host)}`;
  }

  #word(end: Evidence | undefined): string {
    if (end === undefined) return "_";
    const ever = end.readyTransportId === undefined ? "" : "r";
    return `${letterOf(end)}${this.#observed(agesFrom(end), staleTicks)}${ever}${this.#claims(end)}`;
  }

  /** A claim to have no connection counts once nobody else has said ready for a while. */
  #claims(end: Evidence): string {
    const ready = end.readyReports.at(-1);
    const said = ready === undefined ? "" : `s${this.#observed(ready.at, noConnectionTicks)}`;
    return end.noConnection ? `${said}n${this.#claim(end)}` : said;
  }

  #claim({ noConnection, readyReports }: Evidence): number {
    const counts = readyReports.map((ready) =>
      ready.reporterId === noConnection?.reporterId ? 0 : ready.at + smallPolicy.noConnectionMs,
    );
    return this.#delay(Math.max(noConnection?.at ?? 0, ...counts));
  }
}

function isDead({ health, healthReason }: PromotedHandshake): boolean {
  return health === "lost" && healthReason !== "silent" && healthReason !== "acks_stalled";
}

function isReadyWord({ connection, readyChannels }: Evidence): boolean {
  return connection === "connected" && readyChannels.includes("mgr-actions");
}
