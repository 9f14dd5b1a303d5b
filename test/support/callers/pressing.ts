import { setTimeout as delay } from "node:timers/promises";

import { Code, type ConnectError } from "@connectrpc/connect";

import { ErrorInfoSchema, RetryInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.js";

/** What became of one of many calls. */
export interface Answered {
  /** By `performance.now()`. */
  readonly at: number;
  readonly tookMs: number;
  /** Undefined: accepted. Else the code, and the reason and whether a time to retry was named. */
  readonly refusal:
    | { readonly code: string; readonly reason: string | undefined; readonly retryable: boolean }
    | undefined;
}

/** Somebody who makes the same call over and over, one at a time, until it is disposed of. */
export interface Pressing extends AsyncDisposable {
  readonly answers: readonly Answered[];
  /** The answers to calls that were made at or after the moment; those accepted, those refused. */
  since(moment: number): readonly Answered[];
  accepted(since: number): readonly Answered[];
  refused(since: number): readonly Answered[];
}

export function pressing(call: () => Promise<unknown>, everyMs: number): Pressing {
  const answers: Answered[] = [];
  let isOver = false;
  const press = async (): Promise<void> => {
    while (!isOver) {
      const at = performance.now();
      const refusal = await call().then(() => undefined, refusalIn);
      answers.push({ at, tookMs: performance.now() - at, refusal });
      await delay(everyMs);
    }
  };
  const pressed = press();
  const since = (moment: number): readonly Answered[] => answers.filter(({ at }) => at >= moment);
  return {
    answers,
    since,
    accepted: (moment) => since(moment).filter(({ refusal }) => refusal === undefined),
    refused: (moment) => since(moment).filter(({ refusal }) => refusal !== undefined),
    async [Symbol.asyncDispose]() {
      isOver = true;
      await pressed;
    },
  };
}

function refusalIn(thrown: unknown): Answered["refusal"] {
  const error = thrown as ConnectError;
  if (typeof error.findDetails !== "function") throw thrown;
  const [info] = error.findDetails(ErrorInfoSchema);
  const retryable = error.findDetails(RetryInfoSchema).length === 1;
  return { code: Code[error.code], reason: info?.reason, retryable };
}
