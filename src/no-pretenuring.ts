import { setFlagsFromString } from "node:v8";

/**
 * Has V8 make every object in the young generation. By itself it would make those in the old one that
 * have mostly lived long at their place in the code. Once such an object is garbage, young collections
 * still take it for alive, with the stream or the call that it leads to, until the next full one: that
 * is 4 kB of each call, and a third of a call's time. To be called before code is optimised.
 */
export function withoutPretenuring(): void {
  setFlagsFromString("--no-allocation-site-pretenuring");
}
