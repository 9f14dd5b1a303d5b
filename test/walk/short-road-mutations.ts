import type { Mutation } from "./mutation.ts";

/** Faults in the short road of a renewal alone. */
export const shortRoadMutations: readonly Mutation[] = [
  {
    name: "a renewal on the short road passes over what is due",
    caughtBy: ["Short"],
    edits: [
      {
        file: "deadlines/decide-time.ts",
        find: "if (isOfEarlier(record, context) || isDue(deadline, context.now)) return false;",
        put: "if (isOfEarlier(record, context)) return false;",
      },
    ],
  },
  {
    name: "a renewal on the short road leaves the deadline at the old end of its lease",
    caughtBy: ["Short"],
    edits: [
      {
        file: "deadlines/deadline.ts",
        find: "return deadline === nextExpiry(record) ? nextDeadline(extended, policy) : deadline;",
        put: "return extended && policy && deadline;",
      },
    ],
  },
  {
    name: "a renewal on the short road starts no handshake where one is needed",
    caughtBy: ["Short"],
    edits: [
      {
        file: "lease/decide-refresh.ts",
        find: "withoutStart(record.transport, context.now);",
        put: "(withoutStart(record.transport, context.now) ?? leftAlone);",
      },
    ],
  },
];
