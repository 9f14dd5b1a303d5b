import { nextDeadline } from "../../src/core/deadlines/deadline.ts";
import { decide } from "../../src/core/decide.ts";
import { evolve } from "../../src/core/evolve.ts";
import { faultsOf } from "../../src/core/invariants.ts";
import { decideRefresh } from "../../src/core/lease/decide-refresh.ts";

/** The functions that a walk calls: of the core itself, or of a copy with a fault in it. */
export interface CoreUnderTest {
  readonly decide: typeof decide;
  readonly decideRefresh: typeof decideRefresh;
  readonly evolve: typeof evolve;
  readonly nextDeadline: typeof nextDeadline;
  readonly faultsOf: typeof faultsOf;
}

export const theCore: CoreUnderTest = { decide, decideRefresh, evolve, nextDeadline, faultsOf };
