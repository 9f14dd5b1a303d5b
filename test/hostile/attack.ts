import type { Addresses } from "../../src/app.ts";
import type { Random } from "../support/runs/random.ts";
import type { Outcomes } from "./tools/outcomes.ts";

/** Which runs an attack belongs to: a short run is part of a long one, and that of the full one. */
export const forms = ["short", "long", "full"] as const;

export type Form = (typeof forms)[number];

/** Something that a caller without any credential can do to the service. */
export interface Attack {
  readonly name: string;
  /** What is sent, in one line. */
  readonly sends: string;
  /** What a service does that is not harmed by it, in one line. */
  readonly right: string;
  /** The smallest run that has it. */
  readonly form: Form;
  /** Sessions of a private beach of its own that are attached before it begins. */
  readonly attaches?: number;
  /** Refusals of which at least one has to be seen, where the contract names any; it goes on for them. */
  readonly refusedAs?: readonly string[];
  /** What the service may keep of what it has accepted. */
  readonly keeps?: Kept;
  /** How the service has to be started, where the usual way does not show it. */
  readonly service?: ServiceUnder;
  /** What it takes to do harm: it goes on until it has seen as many, though not without end. */
  readonly needs?: Needed;
  /** For how long it goes on at least, in seconds, where less would show nothing. */
  readonly secondsMin?: number;
  /** Runs in a process of its own. Ends by itself, or soon after the signal. */
  run(context: AttackContext): Promise<void>;
}

/** Accepted work that is to be remembered, and what each piece of it may cost. */
export interface Kept {
  readonly outcome: string;
  readonly bytesEach: number;
}

export interface Needed {
  readonly outcome: string;
  readonly times: number;
}

export interface ServiceUnder {
  /** Settings other than those that every service here has. */
  readonly env?: Readonly<Record<string, string>>;
  /** Descriptors that the process may have open. */
  readonly openFilesMax?: number;
  /** Whether its public door speaks TLS, and so HTTP/2. */
  readonly hasTls?: boolean;
  /** Whether whoever reads its log stops reading for as long as the attack lasts. */
  readonly logReaderStops?: boolean;
}

export interface AttackContext {
  readonly addresses: Addresses;
  readonly random: Random;
  /** Aborts when the time is over. */
  readonly signal: AbortSignal;
  /** What came back, counted by what it says. */
  readonly outcomes: Outcomes;
  /** Tells of an answer that breaks the contract, which only the caller itself can see. */
  readonly wrong: (what: string) => void;
}
