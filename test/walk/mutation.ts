import type { Edit } from "../support/sources/edit.ts";

/** A fault to be put into a copy of the core, and the promises whose checker may catch it. */
export interface Mutation {
  readonly name: string;
  readonly caughtBy: readonly string[];
  readonly edits: readonly Edit[];
}
