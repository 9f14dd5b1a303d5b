import type { Command } from "../../src/core/command.ts";
import type { End, Gap, Session, SessionRecord } from "../../src/core/session.ts";
import type { Stood } from "./canonical.ts";
import type { Place, Scene } from "./scenes.ts";
import { horizonTicks, smallPolicy, tickMs } from "./small-policy.ts";
import { attach, foreign, type HeldKey, keysOf, report, type Word } from "./vocabulary.ts";

/** One command at one moment. */
export interface Step {
  readonly now: number;
  /** What is asked, of the record as it is by then; nothing when undefined. */
  readonly ask: (record: SessionRecord | undefined) => Command | undefined;
  readonly gap?: Gap;
  /** The store has lost what came after this record. */
  readonly incarnationChanged?: boolean;
  readonly watched?: boolean;
  readonly hostWatches?: boolean;
  /** What the store has done meanwhile, before anything is asked. */
  readonly becomes?: (stood: Stood) => Stood;
}

/** What takes a walk from one state to another; its name is the same in states that are alike. */
export interface Move {
  readonly name: string;
  readonly steps: readonly Step[];
}

/** Where a walk stands. */
export interface Stand extends Stood {
  readonly deadline: number | undefined;
}

/** Everything that can happen next. */
export function movesFrom(stand: Stand, scene: Scene): readonly Move[] {
  const { record, now } = stand;
  const moves: Move[] = [];
  const add = (name: string, ...commands: readonly Command[]): void => {
    moves.push({ name, steps: commands.map((command) => ({ now, ask: () => command })) });
  };
  if (record?.kind !== "attached") {
    const kept = { ...acquire(record, "tile"), ttlMs: smallPolicy.leaseTtlMsMax };
    if (scene.begins === "promoted") moves.push(attachedAndPromoted(now, scene));
    else add("attach", attach(scene.hostReports), ...(scene.leaseKeys === 0 ? [kept] : []));
    if (scene.gaps && record) moves.push(incarnationChanged(now));
    if (scene.detach) {
      add("detach again", { kind: "Detach", reason: "closed" });
      add("renew on a tombstone", renewal(tokenOf(record?.leases.ended.at(-1)?.id)));
    }
  } else {
    addReports(record, scene, add);
    if (scene.forgets) addMemories(record, stand, add);
    addLeaseMoves(record, now, scene, add);
    addNegotiations(record, scene, add);
    addDeliveries(record, add);
    if (scene.detach) add("detach", { kind: "Detach", reason: "closed" });
    if (scene.detach) add("attach again", attach(scene.hostReports));
    if (scene.gaps) moves.push(...gapsFrom(record, stand, scene), incarnationChanged(now));
  }
  if (scene.forgets) moves.push(...forgettingFrom(stand));
  return [...moves, ...timesFrom(stand, scene)];
}

/** A transport is there from the start. */
function attachedAndPromoted(now: number, scene: Scene): Move {
  const steps: readonly Step["ask"][] = [
    () => attach(scene.hostReports),
    () => operatorRenegotiates,
    (record) => {
      const path = record?.kind === "attached" ? record.transport.path : undefined;
      if (record?.kind !== "attached" || path?.kind !== "negotiating") return undefined;
      return report(record, "manager", path.next.id, "ready");
    },
  ];
  return { name: "attach, and promote a transport", steps: steps.map((ask) => ({ now, ask })) };
}

type Add = (name: string, ...commands: readonly Command[]) => void;

function addReports(session: Session, scene: Scene, add: Add): void {
  for (const [place, name, id] of placesIn(session)) {
    const said = scene.says[place];
    if (said === undefined) continue;
    const { manager = [], host = [], both = [] } = said;
    const of = (end: End, word: Word): Command => report(session, end, id, word);
    for (const word of manager) add(`manager says ${word} of ${name}`, of("manager", word));
    for (const word of host) add(`host says ${word} of ${name}`, of("host", word));
    for (const word of both) {
      add(`both say ${word} of ${name}`, of("manager", word), of("host", word));
    }
    add(`check ${name}`, { kind: "CheckHandshake", handshakeId: id });
  }
  addRepeats(session, add);
}

/** What was heard before is heard once, whatever it says. */
function addRepeats(session: Session, add: Add): void {
  const { path } = session.transport;
  if (path.kind !== "active" && path.kind !== "replacing") return;
  const ends: readonly End[] = ["manager", "host"];
  for (const end of ends) {
    if (path.current[end]?.readyTransportId === undefined) continue;
    const next = report(session, end, path.current.id, "closed");
    add(`${end} repeats itself`, { ...next, sequence: next.sequence - 1 });
  }
}

/** The handshakes that an end can name: those held, the youngest retired, and foreign ones. */
function placesIn(session: Session): readonly (readonly [Place, string, string])[] {
  const { path, abandoned, lingering, youngestRetiredId } = session.transport;
  const ids: readonly (readonly [Place, string | undefined])[] = [
    ["current", path.kind === "active" || path.kind === "replacing" ? path.current.id : undefined],
    ["next", path.kind === "negotiating" || path.kind === "replacing" ? path.next.id : undefined],
    ["abandoned", abandoned[0]?.id],
    ["lingering", lingering?.id],
    ["retired", youngestRetiredId],
  ];
  const held = ids.flatMap(([place, id]) =>
    id === undefined ? [] : [[place, place, id] as const],
  );
  const others = Object.entries(foreign).filter(([, id]) => !held.some((one) => one[2] === id));
  return [...held, ...others.map(([name, id]) => ["foreign", `the ${name} one`, id] as const)];
}

function addLeaseMoves(session: Session, now: number, scene: Scene, add: Add): void {
  const { live, ended } = session.leases;
  if (scene.leaseKeys === 0) {
    const kept = live[0];
    if (kept && scene.negotiates !== "once") add("renew", renewal(tokenOf(kept.id)));
    return;
  }
  const keys = keysOf(session.leases, (at) => at - now);
  keys.slice(0, scene.leaseKeys).forEach(({ key }, index) => {
    const name = index === 0 ? "the first" : "the second";
    const lease = live.find(({ reason }) => reason === key);
    if (lease === undefined) {
      add(`acquire ${name}`, acquire(session, key));
      return;
    }
    add(`acquire ${name} again`, acquire(session, key));
    add(`renew ${name}`, renewal(tokenOf(lease.id)));
    if (scene.ttls === "any") {
      add(`renew ${name} for less`, { ...renewal(tokenOf(lease.id)), ttlMs: 1 });
    }
    add(`renew ${name}, lease only`, { ...renewal(tokenOf(lease.id)), leaseOnly: true });
    add(`release ${name}`, { kind: "Release", tokenHash: tokenOf(lease.id) });
    add(`check ${name}`, { kind: "CheckLease", tokenHash: tokenOf(lease.id) });
    if (scene.revokes) {
      add(`revoke ${name}`, { ...revocation, leaseIds: [lease.id] });
    }
  });
  if (scene.revokes) {
    add("revoke all", revocation);
    add("lift holds", { ...revocation, leaseIds: ["none"], holdMs: 0 });
  }
  const dead = tokenOf(ended.at(-1)?.id);
  add("renew what ended", renewal(dead));
  add("release what ended", { kind: "Release", tokenHash: dead });
  add("check what ended", { kind: "CheckLease", tokenHash: dead });
}

function addNegotiations({ leases, transport }: Session, scene: Scene, add: Add): void {
  if (scene.negotiates === "renewals") return;
  const isFirst = transport.newestHandshakeId === undefined;
  if (isFirst || scene.negotiates === "everybody") {
    add("an operator renegotiates", operatorRenegotiates);
  }
  const tokenHash = leases.live[0] && tokenOf(leases.live[0].id);
  if (scene.negotiates === "once" || tokenHash === undefined) return;
  const asked = { kind: "Renegotiate", reason: "poor_quality", tokenHash } as const;
  const { generation } = transport;
  add("renegotiate", { ...asked, observedGeneration: generation });
  add("renegotiate unseen", { ...asked, observedGeneration: undefined });
  add("renegotiate late", { ...asked, observedGeneration: generation - 1 });
}

/** Road took a message: about the handshake in flight, or about one that has ended by now. */
function addDeliveries({ transport }: Session, add: Add): void {
  const { path, newestHandshakeId } = transport;
  const next = path.kind === "negotiating" || path.kind === "replacing" ? path.next : undefined;
  const handshakeId = next?.id ?? newestHandshakeId;
  if (next?.delivery === undefined && path.kind !== "active") return;
  if (handshakeId === undefined) return;
  add("its message is taken", { kind: "ConfirmDelivery", handshakeId });
}

function gapsFrom({ gapsTaken }: Session, stand: Stand, scene: Scene): readonly Move[] {
  const { now, receivingSince } = stand;
  const number = gapsTaken + 1;
  // A gap begins at the last moment on record, with a little decided since; after the last one.
  const canBeginBefore = receivingSince <= now - tickMs;
  const kinds = [
    ["stall", 1],
    ["absence", 1],
    ["absence", horizonTicks],
  ] as const;
  return kinds.flatMap(([kind, ticks]) =>
    (canBeginBefore ? [0, 1] : [0]).map((before) => {
      const until = now + ticks * tickMs;
      const gap: Gap = { number, from: now - before * tickMs, until, kind };
      const name = `${kind} of ${ticks}${before ? ", which began before" : ""}`;
      return { name, steps: [{ now: until, ask: () => passTime, gap }, ...keeping(until, scene)] };
    }),
  );
}

function incarnationChanged(now: number): Move {
  return {
    name: "the store begins another incarnation",
    steps: [{ now, ask: () => passTime, incarnationChanged: true }],
  };
}

/** The manager still has what was promoted last, and says so with or without its generation. */
function addMemories(session: Session, { served }: Stand, add: Add): void {
  const { generation, handshakeId } = served;
  if (handshakeId === undefined) return;
  const ready = report(session, "manager", handshakeId, "ready");
  add("manager says ready of what was served last", ready);
  add("manager says ready of what was served last, and how", { ...ready, generation });
}

/** A store is emptied, or an older copy put back: nobody was heard since that was taken. */
function forgettingFrom({ record, copy, now }: Stand): readonly Move[] {
  const until = now + tickMs;
  const move = (name: string, step: Omit<Step, "now">): Move => ({
    name,
    steps: [{ now: until, ...step }],
  });
  const moves: Move[] = [];
  if (record !== undefined) {
    const emptied = { record: undefined, now: until, receivingSince: until };
    const becomes = (stood: Stood): Stood => ({ ...stood, ...emptied });
    moves.push(move("the store is emptied", { ask: () => undefined, becomes }));
  }
  if (copy === undefined && record?.kind === "attached") {
    const becomes = (stood: Stood): Stood => ({ ...stood, copy: { record, at: now } });
    moves.push(move("a copy is taken", { ask: () => undefined, becomes }));
  }
  if (copy !== undefined) {
    const becomes = (stood: Stood): Stood => ({ ...stood, record: copy.record });
    const number = copy.record.gapsTaken + 1;
    const gap: Gap = { number, from: copy.at, until, kind: "absence" };
    const step = { ask: () => passTime, gap, becomes };
    moves.push(move("the copy is put back", step));
    moves.push(
      move("the copy is put back, and known as one", { ...step, incarnationChanged: true }),
    );
  }
  return moves;
}

/** To the next deadline and half-way to it; beyond every horizon where only a kept lease ends. */
function timesFrom({ record, now, deadline }: Stand, scene: Scene): readonly Move[] {
  if (deadline === undefined) return [];
  const ticks = Math.min(Math.round((deadline - now) / tickMs), horizonTicks);
  const isIdle = record?.kind === "attached" && record.leases.live.length === 0;
  const at = now + ticks * tickMs;
  const watched: readonly Move[] =
    scene.watches && isIdle
      ? [
          {
            name: "to the deadline, watched",
            steps: [{ now: at, ask: () => passTime, watched: true }],
          },
        ]
      : [];
  const hostWatches: readonly Move[] = scene.delivers
    ? [
        {
          name: "to the deadline, and the host watches",
          steps: [{ now: at, ask: () => passTime, hostWatches: true }, ...keeping(at, scene)],
        },
      ]
    : [];
  const moments = ticks > 1 ? [ticks, Math.floor(ticks / 2)] : [ticks];
  const passed = moments.map((after) => {
    const at = now + after * tickMs;
    const name = after === ticks ? "to the deadline" : "half-way";
    return { name, steps: [{ now: at, ask: () => passTime }, ...keeping(at, scene)] };
  });
  return [...passed, ...watched, ...hostWatches];
}

const passTime: Command = { kind: "PassTime" };
const operatorRenegotiates: Command = {
  kind: "Renegotiate",
  reason: "operator",
  tokenHash: undefined,
  observedGeneration: undefined,
};

/** What a scene keeps up whenever time has passed. */
function keeping(now: number, scene: Scene): readonly Step[] {
  const ends: readonly End[] = scene.keepsTransport ? ["manager", "host"] : [];
  const reports = ends.map((end) => ({
    now,
    ask: (record?: SessionRecord) => stillReady(record, end),
  }));
  return scene.leaseKeys === 0 ? [...reports, { now, ask: keptLease }] : reports;
}

function stillReady(record: SessionRecord | undefined, end: End): Command | undefined {
  if (record?.kind !== "attached") return undefined;
  const { path } = record.transport;
  if (path.kind !== "active" && path.kind !== "replacing") return undefined;
  return path.current.health === "lost" ? undefined : report(record, end, path.current.id, "ready");
}

function keptLease(record: SessionRecord | undefined): Command | undefined {
  const lease = record?.leases.live[0];
  return lease && { ...renewal(tokenOf(lease.id)), leaseOnly: true };
}

function acquire(
  record: SessionRecord | undefined,
  reason: HeldKey["key"],
): Extract<Command, { kind: "Acquire" }> {
  return {
    kind: "Acquire",
    account: "account",
    reason,
    ttlMs: undefined,
    nextLeaseId: `lease-${(record?.leases.epoch ?? 0) + 1}`,
    tokenHashesOf: (id) => [tokenOf(id)],
    attach: undefined,
  };
}

function renewal(tokenHash: string): Extract<Command, { kind: "Renew" }> {
  return { kind: "Renew", tokenHash, ttlMs: undefined, leaseOnly: false };
}

const revocation = { kind: "Revoke", leaseIds: [], reason: "", holdMs: undefined } as const;

/** A token of a walk is the id of its lease. */
function tokenOf(leaseId: string | undefined): string {
  return leaseId ?? "none";
}
