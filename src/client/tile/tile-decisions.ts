import { after, type Moment, untilMs } from "../calls/clock.ts";
import { type PathSeen, watchPath } from "./path-watch.ts";
import { lose, release, takeFailure, takeGrant } from "./tile-answers.ts";
import {
  followUp,
  leaseInUse,
  quiet,
  type TileCall,
  type TileContext,
  type TileInput,
  type TileMemory,
  type TileStep,
} from "./tile-memory.ts";
import type { TileLeaseState } from "./tile-state.ts";

/** What a tile does next: total, synchronous and without effects. Time and chance are arguments. */
export function decideTile(before: TileMemory, input: TileInput, context: TileContext): TileStep {
  return followUp(take(before, input, context), (memory) => settle(memory, context));
}

/** How long until a look is due if nothing happens before; undefined: nothing will be due. */
export function nextLookMs(memory: TileMemory, now: Moment): number | undefined {
  const { call, state } = memory;
  const moments = [
    leaseInUse(state)?.expiresAt,
    ...(call === undefined ? callMoments(memory) : [call.deadline]),
  ];
  const delays = moments.filter((moment) => moment !== undefined).map((it) => untilMs(it, now));
  return delays.length === 0 ? undefined : Math.max(0, Math.min(...delays));
}

function take(memory: TileMemory, input: TileInput, context: TileContext): TileStep {
  const { now } = context;
  switch (input.kind) {
    case "look":
      return quiet(memory);
    case "awake":
      return quiet(memory.failures > 0 ? callNow(memory, now) : memory);
    case "visibility":
      return quiet(see(memory, input.isHidden, now));
    case "seen":
      return quiet(watch(memory, input.path, context));
    case "gone":
      return quiet(leaseInUse(memory.state) === undefined ? memory : callNow(memory, now));
    case "granted":
      return isAwaited(memory, input) ? takeGrant(memory, input.grant, context) : quiet(memory);
    case "failed":
      return isAwaited(memory, input) ? takeFailure(memory, input.failure, context) : quiet(memory);
    case "relay_failed":
      return quiet(memory.relayed === input.handshakeId ? { ...memory, relayed: "" } : memory);
    case "release":
      return release(memory);
    case "leave":
      return isOver(memory.state) ? quiet(memory) : release({ ...memory, hasLeft: true });
    case "return":
      return quiet(memory.hasLeft ? retry(memory, now) : memory);
    case "retry":
      return quiet(retry(memory, now));
  }
}

/** What time alone makes due: the lease runs out, a call takes too long, the next call begins. */
function settle(memory: TileMemory, context: TileContext): TileStep {
  const { now, policy } = context;
  const { call } = memory;
  const lease = leaseInUse(memory.state);
  if (lease !== undefined && hasCome(lease.expiresAt, now)) {
    // The old token is asked about first: only the service knows whether it was revoked.
    const asking = memory.failures > 0 ? memory : callNow(memory, now);
    return followUp(lose(asking, "expired"), (lost) => settle(lost, context));
  }
  if (call !== undefined && hasCome(call.deadline, now)) {
    const message = `no answer within ${policy.callTimeoutMs} ms`;
    const failed = takeFailure(memory, { reason: "DeadlineExceeded", message }, context);
    const actions = [{ kind: "give_up", callId: call.id } as const, ...failed.actions];
    return followUp({ memory: failed.memory, actions }, (next) => settle(next, context));
  }
  const isDue = callMoments(memory).some((moment) => hasCome(moment, now));
  return call === undefined && isDue ? begin(memory, context) : quiet(memory);
}

/** When the next call is due, for whichever reason; none once the tile has given up. */
function callMoments({ state, dueAt, path }: TileMemory): readonly Moment[] {
  if (isOver(state)) return [];
  const early = leaseInUse(state) === undefined ? [] : [path.negotiateAt, path.checkAt];
  return [dueAt, ...early].filter((moment) => moment !== undefined);
}

function begin(memory: TileMemory, { now, policy }: TileContext): TileStep {
  const id = memory.calls + 1;
  const call: TileCall = {
    id,
    sentAt: now,
    deadline: after(now, policy.callTimeoutMs),
    controllerToken: memory.lease?.controllerToken,
    ttlMs: memory.isHidden ? policy.hiddenTtlMs : policy.ttlMs,
  };
  const path = { ...memory.path, negotiateAt: undefined, checkAt: undefined };
  return {
    memory: { ...memory, call, calls: id, dueAt: undefined, path },
    actions: [{ kind: "call", call }],
  };
}

function callNow(memory: TileMemory, now: Moment): TileMemory {
  return { ...memory, dueAt: now };
}

/** A page that is being hidden asks for more time at once, while its timers still come in time. */
function see(memory: TileMemory, isHidden: boolean, now: Moment): TileMemory {
  const seen = { ...memory, isHidden };
  const isNews = isHidden && !memory.isHidden;
  return isNews && leaseInUse(memory.state) !== undefined ? callNow(seen, now) : seen;
}

function watch(memory: TileMemory, seen: PathSeen, context: TileContext): TileMemory {
  const { now, policy, random } = context;
  const spread = { now, spreadMs: random() * policy.spreadMs };
  const watched = { ...memory, path: watchPath(memory.path, seen, spread) };
  return isWaitingForSession(memory) ? attached(watched, after(now, spread.spreadMs)) : watched;
}

function isWaitingForSession({ state, call }: TileMemory): boolean {
  if (call !== undefined) return false;
  if (state.kind === "lost" && state.endedBy === "detached") return true;
  const isTrying = state.kind === "acquiring" || state.kind === "lost";
  return isTrying && state.trouble?.reason === "SESSION_UNKNOWN";
}

/** A session that has a state to show is known to the service. */
function attached(memory: TileMemory, dueAt: Moment): TileMemory {
  const { state } = memory;
  if (state.kind !== "lost") return { ...memory, dueAt };
  return { ...memory, dueAt, state: { ...state, isReacquiring: true } };
}

/** Nothing happens before somebody wants it again. */
function isOver(state: TileLeaseState): boolean {
  switch (state.kind) {
    case "acquiring":
    case "held":
    case "uncertain":
      return false;
    case "lost":
      return !state.isReacquiring;
    case "refused":
    case "released":
      return true;
  }
}

function retry(memory: TileMemory, now: Moment): TileMemory {
  if (!isOver(memory.state)) return callNow(memory, now);
  const anew = { state: { kind: "acquiring" }, failures: 0, hasLeft: false, dueAt: now } as const;
  return { ...memory, ...anew };
}

/** The answer to a call that was given up comes too late. */
function isAwaited({ call }: TileMemory, { callId }: { readonly callId: number }): boolean {
  return call?.id === callId;
}

function hasCome(moment: Moment, now: Moment): boolean {
  return untilMs(moment, now) <= 0;
}
