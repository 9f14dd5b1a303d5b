import {
  BrokenCircuitError,
  bulkhead,
  CircuitState,
  CountBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleType,
  type IPolicy,
  retry,
  TaskCancelledError,
  TimeoutStrategy,
  timeout,
  wrap,
} from "cockatiel";

import type { SessionId } from "../core/ids.ts";
import type { DurationMs } from "../core/time.ts";

/** Beach Road: judges join codes, and has a queue of control messages for each session's host. */
export interface Road {
  /** Whether the code opens the session; false as well for a session that Road does not know. */
  verifyCode(sessionId: SessionId, code: string): Promise<boolean>;
  /** Puts a message into the queue of the session's host. It may get there more than once. */
  sendControl(
    sessionId: SessionId,
    message: ControlMessage,
    signal: AbortSignal,
  ): Promise<"enqueued" | "unknown_session">;
}

export interface ControlMessage {
  readonly kind: "manager_handshake";
  readonly control_id: string;
  readonly payload: object;
}

/** Road could not be asked, or answered nothing that can be used. Names nothing that was sent. */
export class RoadUnavailable extends Error {
  override readonly name = "RoadUnavailable";
}

export interface RoadTimes {
  /** For one request. */
  readonly requestTimeoutMs: DurationMs;
  /** Before a second request judges a code that the first one did not; spread. */
  readonly retryAfterMs: DurationMs;
  /** For how long Road is left alone once most requests fail. */
  readonly breakMs: DurationMs;
}

const roadTimes: RoadTimes = {
  requestTimeoutMs: 2_000,
  retryAfterMs: 100,
  breakMs: 5_000,
};

export type RoadCall = "verify-code" | "control";

export interface RoadOptions {
  readonly url: string;
  readonly times?: RoadTimes;
  /** Receives each request, and each pause and resumption of requests to Road. */
  readonly observe: (event: RoadEvent) => void;
  /** Surrounds each request, and gives it headers of its own. */
  readonly trace?: TraceRequest | undefined;
}

export type TraceRequest = <T>(
  call: RoadCall,
  request: (headers: Readonly<Record<string, string>>) => Promise<T>,
) => Promise<T>;

export type RoadEvent =
  | {
      readonly kind: "called";
      readonly call: RoadCall;
      readonly outcome: "answered" | "failed" | "left alone";
    }
  | { readonly kind: "circuit"; readonly call: RoadCall; readonly is: "open" | "closed" };

/** An answer is a flag or two and an id. */
const answerBytesMax = 16_384;
const requestsMax = 64;
const waitingMax = 1_024;
const retriesMax = 1;
/** A request that took too long is cancelled. */
const trouble = handleType(RoadUnavailable).orType(TaskCancelledError);
/** The circuit opens when more than half of the last requests failed, of five at the least. */
const breaker = { size: 20, threshold: 0.5, minimumNumberOfCalls: 5 };

/**
 * A client of Beach Road that bounds everything: the time of a request, the bytes of an answer, how
 * many requests there are at once. While most of them fail, none is made. Each call has a circuit of
 * its own, so that trouble with one does not keep the other from working. Rejects with
 * {@link RoadUnavailable}.
 */
export function createRoad(options: RoadOptions): Road {
  const times = options.times ?? roadTimes;
  const verifying = wrap(
    retry(trouble, {
      maxAttempts: retriesMax,
      backoff: new ExponentialBackoff({ initialDelay: times.retryAfterMs }),
    }),
    guarded("verify-code", options, times),
  );
  // Not tried again here: the record says when a handshake is to be sent again.
  const sending = guarded("control", options, times);
  const call = caller(options);
  return {
    async verifyCode(sessionId, code) {
      const answer = await call(verifying, "verify-code", { sessionId, body: { code } });
      if (typeof answer?.verified === "boolean") return answer.verified;
      throw new RoadUnavailable("Road answered verify-code without verified");
    },
    async sendControl(sessionId, body, signal) {
      const answer = await call(sending, "control", { sessionId, body, signal });
      if (answer === undefined) return "unknown_session";
      if (answer.enqueued === true) return "enqueued";
      throw new RoadUnavailable("Road answered control without enqueued");
    },
  };
}

interface Request {
  readonly sessionId: SessionId;
  readonly body: object;
  readonly signal?: AbortSignal;
}

type Answer = Readonly<Record<string, unknown>>;

/** Answers with what Road said; undefined where it does not know the session. */
type Caller = (policy: IPolicy, call: RoadCall, request: Request) => Promise<Answer | undefined>;

function caller({ url, observe, trace = untraced }: RoadOptions): Caller {
  const base = url.replace(/\/+$/, "");
  return async (policy, call, { sessionId, body, signal }) => {
    const address = `${base}/sessions/${encodeURIComponent(sessionId)}/${call}`;
    try {
      return await policy.execute(async ({ signal: ending }) => {
        try {
          const answer = await trace(call, (headers) =>
            post(address, { headers, body, signal: ending }),
          );
          observe({ kind: "called", call, outcome: "answered" });
          return answer;
        } catch (error) {
          observe({ kind: "called", call, outcome: "failed" });
          throw asUnavailable(error, call);
        }
      }, signal);
    } catch (error) {
      if (error instanceof BrokenCircuitError) {
        observe({ kind: "called", call, outcome: "left alone" });
      }
      throw asUnavailable(error, call);
    }
  };
}

/** Without the text of the fault's causes, which may hold an address with what was sent to it. */
function asUnavailable(error: unknown, call: RoadCall): RoadUnavailable {
  if (error instanceof RoadUnavailable) return error;
  if (error instanceof TaskCancelledError) return new RoadUnavailable(`${call} took too long`);
  if (error instanceof BrokenCircuitError)
    return new RoadUnavailable("requests to Road are paused");
  const { code } = ((error as Error | undefined)?.cause ?? {}) as { readonly code?: unknown };
  const why = typeof code === "string" ? code : error instanceof Error ? error.name : "unknown";
  return new RoadUnavailable(`${call} failed: ${why}`);
}

const untraced: TraceRequest = (_call, request) => request({});

async function post(
  address: string,
  {
    headers,
    body,
    signal,
  }: {
    readonly headers: Readonly<Record<string, string>>;
    readonly body: object;
    readonly signal: AbortSignal;
  },
): Promise<Answer | undefined> {
  const response = await fetch(address, {
    method: "POST",
    redirect: "error",
    headers: { ...headers, "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify(body),
    signal,
  });
  const text = await textOf(response);
  if (response.status === 404) return undefined;
  if (!response.ok) throw new RoadUnavailable(`Road answered ${response.status}`);
  return toAnswer(text);
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > answerBytesMax) throw new RoadUnavailable("Road answered too much");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function toAnswer(text: string): Answer {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Answer;
  } catch {
    // Said below, without the text.
  }
  throw new RoadUnavailable("Road answered no JSON object");
}

/** Few requests at once, none while most fail, and none that takes long. */
function guarded(call: RoadCall, { observe }: RoadOptions, times: RoadTimes): IPolicy {
  const circuit = circuitBreaker(trouble, {
    halfOpenAfter: times.breakMs,
    breaker: new CountBreaker(breaker),
  });
  circuit.onStateChange((state) => {
    if (state === CircuitState.Open) observe({ kind: "circuit", call, is: "open" });
    if (state === CircuitState.Closed) observe({ kind: "circuit", call, is: "closed" });
  });
  return wrap(
    bulkhead(requestsMax, waitingMax),
    circuit,
    timeout(times.requestTimeoutMs, TimeoutStrategy.Aggressive),
  );
}
