import fc from "fast-check";
import { expect, test } from "vitest";

import {
  fewStates,
  type WaitingState,
  WaitingStates,
} from "../../../src/service/watch/waiting-states.ts";

const id = fc.integer({ min: 0, max: 2 * fewStates }).map(String);
const steps = fc.array(fc.option(id, { freq: 3 }), { minLength: 50, maxLength: 200 });

test("states wait by session, as in a Map, however many they are", () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const states = new WaitingStates();
      const model = new Map<string, WaitingState>();
      for (const [coalesced, session] of taken.entries()) {
        if (session === null) {
          const [first] = model.values();
          if (first !== undefined) model.delete(first.id);
          expect(states.shift()).toBe(first);
        } else {
          const state = { id: session, record: undefined, coalesced };
          states.set(state, states.get(session));
          model.set(session, state);
          expect(states.get(session)).toBe(state);
        }
        expect(states.size).toBe(model.size);
      }
      for (const state of model.values()) expect(states.shift()).toBe(state);
      expect(states.shift()).toBeUndefined();
    }),
  );
});
