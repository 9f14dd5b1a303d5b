import { durationMs } from "@bufbuild/protobuf/wkt";

import { TransportPath, type TransportState } from "../../gen/beach/controller/v1/transport_pb.js";
import { after, type Moment } from "../calls/clock.ts";

/** What a tile needs to know of a session's transport. */
export interface PathSeen {
  readonly version: bigint;
  /** Nothing usable carries actions, and no handshake is in flight. */
  readonly needsHandshake: boolean;
  /** When the service will be willing to negotiate; 0: now. */
  readonly willingInMs: number;
  readonly liveLeases: number;
}

/** What was seen last, and whether that makes a renewal due before its time. */
export interface PathWatch {
  readonly version: bigint;
  readonly liveLeases: number;
  /** A renewal then starts the handshake that the session needs. */
  readonly negotiateAt: Moment | undefined;
  /** A renewal then finds out whether the lease that ended is this one. */
  readonly checkAt: Moment | undefined;
}

export const nothingSeen: PathWatch = {
  version: 0n,
  liveLeases: 0,
  negotiateAt: undefined,
  checkAt: undefined,
};

export interface Spread {
  readonly now: Moment;
  /** A part of the time over which the tiles of a session spread themselves. */
  readonly spreadMs: number;
}

export function pathSeen(transport: TransportState): PathSeen {
  const { version, path, negotiation, nextNegotiationIn, liveLeases } = transport;
  const isUsable = path === TransportPath.FAST_PATH || path === TransportPath.UNSPECIFIED;
  return {
    version,
    needsHandshake: !isUsable && negotiation === undefined,
    willingInMs: nextNegotiationIn === undefined ? 0 : durationMs(nextNegotiationIn),
    liveLeases,
  };
}

/**
 * A state from the watch. A path that is gone is negotiated once for each version that shows it: by
 * whichever tile of the session comes first.
 */
export function watchPath(before: PathWatch, seen: PathSeen, spread: Spread): PathWatch {
  const { version, liveLeases } = seen;
  const isNews = version !== before.version;
  const soon = after(spread.now, spread.spreadMs);
  const checkAt = before.checkAt ?? (isNews && liveLeases < before.liveLeases ? soon : undefined);
  if (!seen.needsHandshake) return { version, liveLeases, negotiateAt: undefined, checkAt };
  const isWaiting = before.negotiateAt !== undefined && seen.willingInMs === 0;
  const negotiateAt = isNews && !isWaiting ? after(soon, seen.willingInMs) : before.negotiateAt;
  return { version, liveLeases, negotiateAt, checkAt };
}

/**
 * What the answer to this tile's own call shows. The call has asked for a handshake: where it was
 * not given one, the next try is when the service says, or with the next state or renewal.
 */
export function answerPath(
  before: PathWatch,
  seen: PathSeen | undefined,
  spread: Spread,
): PathWatch {
  if (seen === undefined || seen.version < before.version) return { ...before, checkAt: undefined };
  const { version, liveLeases, needsHandshake, willingInMs } = seen;
  const isToldWhen = needsHandshake && willingInMs > 0;
  return {
    version,
    liveLeases,
    negotiateAt: isToldWhen ? after(spread.now, willingInMs + spread.spreadMs) : undefined,
    checkAt: undefined,
  };
}
