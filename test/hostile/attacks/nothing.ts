import type { Attack } from "../attack.ts";
import { holdOn } from "../tools/at-once.ts";

export const nothing: Attack = {
  name: "nothing",
  sends: "nothing: the same beach without an attack",
  right: "what the machine makes of it by itself",
  form: "full",
  run: ({ signal }) => holdOn(signal),
};
