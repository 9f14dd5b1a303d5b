import type { ConnectionTurns } from "./connections/connection-turns.ts";

/** A socket that serves, and how it stops. */
export interface Door {
  /** As bound: a port 0 has become a real one. */
  readonly address: { readonly host: string; readonly port: number };
  /** Takes no more calls, and resolves when those under way have ended. */
  finish(): Promise<void>;
  /** Ends what is still under way. */
  cutOff(): Promise<void>;
}

/** What every door knows of its connections. */
export interface ConnectionOptions {
  /** How many may be open; more are closed as they come. */
  readonly connectionsMax: number;
  /** Called with each that was closed for that. */
  readonly onDropped: () => void;
  readonly sleep: Sleep;
  /** Shared by all doors. */
  readonly turns: ConnectionTurns;
}

/** Calls back after real time, unless what it returns is called before. */
export type CallAfter = (durationMs: number, over: () => void) => () => void;

/** Waits in real time; resolves early when the signal aborts. */
export type Sleep = (durationMs: number, signal: AbortSignal) => Promise<void>;
