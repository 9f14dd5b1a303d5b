import { parentPort } from "node:worker_threads";

import { SqliteHolder } from "./sqlite-holder.ts";
import { answerCalls } from "./thread-calls.ts";

// Started as a thread by sqlite-thread.ts, which ends it.
if (parentPort !== null) answerCalls(parentPort, new SqliteHolder());
