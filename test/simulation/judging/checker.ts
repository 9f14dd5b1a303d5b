import type { Witness } from "./witness.ts";

/** A promise that was broken, and where in the history. */
export interface Breach {
  readonly sessionId: string;
  readonly serial: number;
  readonly text: string;
}

/** One guarantee, judged by what clients saw. */
export type Checker = (witness: Witness) => readonly Breach[];
