/** What can be done to a session of the demo. */
export interface Deed {
  readonly key: string;
  /** What it works on: a deed is ignored while another still works on the same. */
  readonly part: "connection" | "host" | "fast path";
  /** What the one who watches is told; follows the name of the session. */
  readonly says: string;
  /** The same while it goes on. */
  readonly during: string;
}

/** Ways to kill the transport of a session. */
export const deathWishes = ["close", "channel", "host", "silence"] as const;
export type DeathWish = (typeof deathWishes)[number];
export type DeedName = DeathWish | "replace";

export const hostAwayMs = 2_000;
export const silenceMs = 8_000;

export const deeds: Readonly<Record<DeedName, Deed>> = {
  close: {
    key: "k",
    part: "connection",
    says: "the manager closes its connection",
    during: "its connection has just been closed",
  },
  channel: {
    key: "c",
    part: "connection",
    says: "the manager closes its mgr-actions channel",
    during: "its channel has just been closed",
  },
  host: {
    key: "h",
    part: "host",
    says: `its host is killed, and started again after ${hostAwayMs / 1_000} s`,
    during: "its host is about to be started again",
  },
  silence: {
    key: "s",
    part: "host",
    says: `its host is stopped for ${silenceMs / 1_000} s, as on a laptop that sleeps`,
    during: "its host is stopped",
  },
  replace: {
    key: "r",
    part: "fast path",
    says: "an operator asks for another fast path while this one works",
    during: "an operator has just asked for another fast path",
  },
};

export const deedNames: readonly DeedName[] = [...deathWishes, "replace"];
