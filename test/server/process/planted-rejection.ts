// Loaded into a service by tests: a promise that nobody waits for is rejected at a signal.

import { StoreUnavailable } from "../../../src/service/session-store.ts";

process.on("SIGUSR2", () => void Promise.reject(new StoreUnavailable("planted outage")));
process.on("SIGWINCH", () => void Promise.reject(new Error("planted bug")));
