import {
  ConnectionState,
  TransportChange,
  TransportEnd,
} from "../../gen/beach/controller/v1/transport_pb.js";
import type { Path, Phase } from "./timeline.ts";

export const pathWords: Readonly<Record<Path, string>> = {
  fast_path: "Fast path",
  http_fallback: "HTTP fallback",
  pending: "Pending",
};

export const phaseWords: Readonly<Record<Phase, string>> = {
  negotiating: "negotiating",
  healthy: "healthy",
  degraded: "degraded",
  stale: "stale",
  lost: "lost",
  lingering: "lingering",
};

export function endWord(end: TransportEnd): string {
  return end === TransportEnd.HOST ? "Host" : "Manager";
}

export function connectionWord(state: ConnectionState): string {
  return state === ConnectionState.UNSPECIFIED ? "not said" : lower(ConnectionState[state]);
}

export function changeWord(change: TransportChange): string {
  return sentence(lower(TransportChange[change]));
}

/** A reason word of the service, such as `connection_closed`; new ones are shown as they come. */
export function reasonWords(reason: string): string {
  return reason.replaceAll("_", " ");
}

/** How long, in the two units that matter: `4.2 s`, `58 s`, `3 min`, `2 h 5 min`, `4 d`. */
export function durationWords(durationMs: number): string {
  const seconds = Math.max(0, durationMs) / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 119.5) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.floor(hours / 24)} d`;
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
}

/** Whole seconds, for what counts by the second: `0 s`, `24 s`, `4 min`. */
export function secondsWords(durationMs: number): string {
  const seconds = Math.max(0, Math.floor(durationMs / 1000));
  return seconds < 120 ? `${seconds} s` : durationWords(seconds * 1000);
}

/** The part of an id by which people tell it from its neighbours. */
export function shortId(id: string): string {
  return id.length <= 10 ? id : `…${id.slice(-6)}`;
}

export function count(number: number, one: string, many: string = `${one}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

function lower(word: string | undefined): string {
  return (word ?? "").toLowerCase().replaceAll("_", " ");
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
