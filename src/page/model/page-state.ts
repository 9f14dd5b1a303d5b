import type {
  SessionSummary,
  SummarizeFleetResponse,
} from "../../gen/beach/controller/v1/fast_path_registry_pb.js";
import type { TransportState } from "../../gen/beach/controller/v1/transport_pb.js";
import { skewMs } from "./moments.ts";
import { type SessionRecord, takeGone, takeState, takeSummary } from "./session-record.ts";

/** `lost`: it was live, and is being tried again. */
export type Connection = "connecting" | "live" | "lost";

/** When no changes reached the page: before it was opened, and while it was disconnected. */
export interface UnseenSpan {
  readonly fromMs: number;
  /** Undefined while it lasts. */
  readonly untilMs?: number;
}

/** What the page needs from whoever is in front of it, before it can go on. */
export type Question =
  /** The service takes bearers, and this page has none, or one that does not do. */
  | { readonly kind: "bearer"; readonly why: "missing" | "rejected" | "scope_missing" }
  /** Several beaches are in reach, or none is known yet. */
  | { readonly kind: "beach"; readonly beaches: readonly BeachFound[] };

export interface BeachFound {
  readonly privateBeachId: string;
  readonly sessions: number;
}

/** A call failed, in the words of the service. */
export interface Trouble {
  readonly reason: string;
  readonly message: string;
}

/** Everything that the page shows. Moments are milliseconds of the page's wall clock. */
export interface PageState {
  readonly connection: Connection;
  readonly connectionSinceMs: number;
  /** Undefined until it is known. */
  readonly privateBeachId: string | undefined;
  readonly question: Question | undefined;
  /** When the bearer in use ends, once the service has said that it does soon. */
  readonly bearerEndsAtMs: number | undefined;
  /** Why leases and figures are older than they should be. */
  readonly trouble: Trouble | undefined;
  /** How far the service's clock is ahead of the page's. */
  readonly skewMs: number;
  readonly unseen: readonly UnseenSpan[];
  readonly sessions: ReadonlyMap<string, SessionRecord>;
  readonly fleet: SummarizeFleetResponse | undefined;
  /** When leases were listed last; 0 before that. */
  readonly listedAtMs: number;
}

/** What happens to the page: messages of the service, and actions of its user. */
export type PageEvent =
  | { readonly kind: "state"; readonly state: TransportState }
  | { readonly kind: "gone"; readonly sessionId: string; readonly reason: string }
  | { readonly kind: "connected" }
  | { readonly kind: "disconnected" }
  | { readonly kind: "listed"; readonly sessions: readonly SessionSummary[] }
  | { readonly kind: "summarized"; readonly fleet: SummarizeFleetResponse }
  | { readonly kind: "trouble"; readonly trouble: Trouble | undefined }
  | { readonly kind: "asked"; readonly question: Question }
  | { readonly kind: "bearer_expiring"; readonly inMs: number }
  | { readonly kind: "bearer_given" }
  | { readonly kind: "beach_chosen"; readonly privateBeachId: string }
  | { readonly kind: "beach_left" };

/** An event, and when the page learned of it. */
export interface TimedEvent {
  readonly nowMs: number;
  readonly event: PageEvent;
}

/** How long a session that is gone stays on the page. */
const goneForMs = 60_000;

export function openPage(nowMs: number): PageState {
  return {
    connection: "connecting",
    connectionSinceMs: nowMs,
    privateBeachId: undefined,
    question: undefined,
    bearerEndsAtMs: undefined,
    trouble: undefined,
    skewMs: 0,
    unseen: [{ fromMs: 0 }],
    sessions: new Map(),
    fleet: undefined,
    listedAtMs: 0,
  };
}

/** The page after some events, in their order. Many at once cost one copy of the sessions. */
export function reduce(before: PageState, events: readonly TimedEvent[]): PageState {
  if (events.length === 0) return before;
  const sessions = new Map(before.sessions);
  let state: PageState = { ...before, sessions };
  for (const one of events) state = { ...state, ...step(state, sessions, one) };
  forgetGone(sessions, events.at(-1)?.nowMs ?? 0);
  return state;
}

/** What one event changes; of `sessions`, in place. */
function step(
  before: PageState,
  sessions: Map<string, SessionRecord>,
  { event, nowMs }: TimedEvent,
): Partial<PageState> {
  switch (event.kind) {
    case "state":
      return takeTransport(before, sessions, event.state, nowMs);
    case "gone": {
      const known = sessions.get(event.sessionId);
      if (known !== undefined) {
        sessions.set(event.sessionId, takeGone(known, event.reason, nowMs));
      }
      return {};
    }
    case "connected":
      return connected(before, nowMs);
    case "disconnected":
      return disconnected(before, nowMs);
    case "listed":
      return takeList(before, sessions, event.sessions, nowMs);
    case "summarized":
      return { fleet: event.fleet };
    case "trouble":
      return { trouble: event.trouble };
    case "asked":
      return { question: event.question };
    case "bearer_expiring":
      return { bearerEndsAtMs: nowMs + event.inMs };
    case "bearer_given":
      return { bearerEndsAtMs: undefined, question: undefined, trouble: undefined };
    case "beach_chosen":
      return { privateBeachId: event.privateBeachId, question: undefined };
    case "beach_left":
      sessions.clear();
      return {
        ...disconnected(before, nowMs),
        connection: "connecting",
        privateBeachId: undefined,
        fleet: undefined,
      };
  }
}

function takeTransport(
  before: PageState,
  sessions: Map<string, SessionRecord>,
  state: TransportState,
  nowMs: number,
): Partial<PageState> {
  const { negotiation, lingering } = state;
  const skew =
    skewMs(negotiation?.confirmBy, negotiation?.confirmIn, nowMs) ??
    skewMs(lingering?.honouredUntil, lingering?.honouredFor, nowMs) ??
    before.skewMs;
  const known = sessions.get(state.sessionId);
  const record = takeState(known, state, { nowMs, skewMs: skew });
  if (record !== known) sessions.set(state.sessionId, record);
  return { skewMs: skew };
}

function takeList(
  before: PageState,
  sessions: Map<string, SessionRecord>,
  listed: readonly SessionSummary[],
  nowMs: number,
): Partial<PageState> {
  let skew: number | undefined;
  // Behind a gap the service gives every lease a grace, which is no renewal.
  const countsRenewals =
    before.connection === "live" && before.listedAtMs >= before.connectionSinceMs;
  for (const summary of listed) {
    const [lease] = summary.leases;
    skew ??= skewMs(lease?.expiresAt, lease?.expiresIn, nowMs);
    const known = sessions.get(summary.sessionId);
    if (known === undefined || known.gone !== undefined) continue;
    sessions.set(summary.sessionId, takeSummary(known, summary, { nowMs, countsRenewals }));
  }
  return { skewMs: skew ?? before.skewMs, trouble: undefined, listedAtMs: nowMs };
}

function connected(before: PageState, nowMs: number): Partial<PageState> {
  if (before.connection === "live") return {};
  const unseen = before.unseen.map((span) =>
    span.untilMs === undefined ? { ...span, untilMs: nowMs } : span,
  );
  return { connection: "live", connectionSinceMs: nowMs, unseen, question: undefined };
}

function disconnected(before: PageState, nowMs: number): Partial<PageState> {
  if (before.connection !== "live") return {};
  return {
    connection: "lost",
    connectionSinceMs: nowMs,
    unseen: [...before.unseen, { fromMs: nowMs }],
  };
}

function forgetGone(sessions: Map<string, SessionRecord>, nowMs: number): void {
  for (const [id, { gone }] of sessions) {
    if (gone !== undefined && gone.atMs < nowMs - goneForMs) sessions.delete(id);
  }
}
