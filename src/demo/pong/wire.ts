import type { Game, Move } from "./game.ts";
import type { Regime, Story, StoryEvent } from "./story.ts";

/** What the page is sent, in one stream of events: first the whole, then what is new. */
export type FromDemo =
  | {
      readonly kind: "whole";
      /** Of the demo's clock, in ms; as in every message. */
      readonly now: number;
      readonly story: Story;
      readonly game: Game | undefined;
      readonly leftIsPlayed: boolean;
    }
  | {
      readonly kind: "news";
      readonly now: number;
      readonly events: readonly StoryEvent[];
      /** Unset: none came. */
      readonly game?: Game;
      /** Somebody moves the left paddle; otherwise it plays itself. */
      readonly leftIsPlayed: boolean;
    };

export const courtInterventions = ["kill", "replace", "restart"] as const;
export type CourtIntervention = (typeof courtInterventions)[number];

/** What the page may ask, one POST each; the path is the kind. */
export type ToDemo =
  | { readonly kind: "intervention"; readonly intervention: CourtIntervention }
  | { readonly kind: "regime"; readonly regime: Regime }
  | { readonly kind: "move"; readonly to: Move["to"] };

/** The answer to one that could not be done. */
export interface Hindrance {
  readonly hindrance: string;
}
