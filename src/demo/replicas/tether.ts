// Loaded into the service by the demo: the service drains when the demo goes away, however it went.

import { isMainThread } from "node:worker_threads";

const drain = (): void => void process.kill(process.pid, "SIGTERM");
// Node loads it into threads as well, which learn nothing of their process's parent.
if (isMainThread) {
  if (process.connected) process.once("disconnect", drain);
  else drain();
}
