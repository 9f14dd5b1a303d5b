import { setTimeout as delay } from "node:timers/promises";

import { Code, ConnectError } from "@connectrpc/connect";

const againAfterMs = 100;
const triesMax = 200;

/** Calls until it is answered otherwise than with UNAVAILABLE, as every caller is asked to. */
export async function retried<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      const isAway = error instanceof ConnectError && error.code === Code.Unavailable;
      if (!isAway || attempt === triesMax) throw error;
      await delay(againAfterMs);
    }
  }
}
