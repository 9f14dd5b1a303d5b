/** Something that a key does to a session of the demo. */
export interface Intervention {
  readonly key: string;
  /** An intervention is ignored while another one is under way on the same part. */
  readonly part: "connection" | "host" | "fast path";
  /** Printed after the name of the session. */
  readonly says: string;
  /** Printed while it is under way, when a key is ignored. */
  readonly during: string;
}

/** Ways to break the transport of a session. */
export const faults = ["close", "channel", "host", "silence"] as const;
export type Fault = (typeof faults)[number];
export type InterventionName = Fault | "replace";

export const hostAwayMs = 2_000;
export const silenceMs = 8_000;

export const interventions: Readonly<Record<InterventionName, Intervention>> = {
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
    says: `its host is killed, and restarted after ${hostAwayMs / 1_000} s`,
    during: "its host is about to be restarted",
  },
  silence: {
    key: "s",
    part: "host",
    says: `its host is stopped for ${silenceMs / 1_000} s, like on a sleeping laptop`,
    during: "its host is stopped",
  },
  replace: {
    key: "r",
    part: "fast path",
    says: "an operator replaces the fast path while it works",
    during: "an operator has just replaced the fast path",
  },
};

export const interventionNames: readonly InterventionName[] = [...faults, "replace"];
