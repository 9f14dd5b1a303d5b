import type { DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";

import type { Call } from "../api/call/handlers.ts";
import type { CallScope, OpenScope } from "../observe/call-scope.ts";
import type { CallFigures } from "../observe/metrics/call-metrics.ts";
import { requestIdHeader } from "../observe/requests.ts";
import { AbortListeners } from "./abort-listeners.ts";
import type { ServedService, UntypedHandler } from "./served-service.ts";

/** What surrounds every call at every door. */
export interface Guard {
  /** Aborts when the service begins to drain: streams that end from then on say UNAVAILABLE. */
  readonly closing: AbortSignal;
  /** What is kept of the calls of a method. */
  readonly figuresOf: (method: string) => CallFigures;
  /** What surrounds the calls of a method. */
  readonly scopesOf: (method: DescMethod) => OpenScope;
  /** Called with the error behind INTERNAL, for the log. */
  readonly onBug: (method: string, bug: unknown) => void;
  /** Milliseconds that never go back. */
  readonly monotonic: () => number;
}

/**
 * The same service, with internal errors hidden from callers, calls counted, and streams ended on a
 * drain.
 */
export function guarded({ service, handler }: ServedService, guard: Guard): ServedService {
  const closing = new AbortListeners(guard.closing);
  return { service, handler: (method) => guardedHandler(method, handler(method), guard, closing) };
}

function guardedHandler(
  method: DescMethod,
  handler: UntypedHandler,
  guard: Guard,
  closing: AbortListeners,
): UntypedHandler {
  const { monotonic } = guard;
  const figures = guard.figuresOf(method.name);
  const open = guard.scopesOf(method);
  const ended: Ended = (scope, code, bug) => {
    const status = code === undefined ? "OK" : (Code[code] ?? "");
    figures.ended(status);
    scope.end(status, code !== undefined && faults.has(code) ? status : undefined);
    if (bug !== undefined) scope.run(() => guard.onBug(method.name, bug));
  };

  if (method.methodKind === "unary") {
    return async (request, call) => {
      const from = monotonic();
      const scope = open(call);
      try {
        const response = await scope.run(() => handler(request, call));
        ended(scope, undefined);
        return response;
      } catch (thrown) {
        throw shown(thrown, call, scope, ended);
      } finally {
        figures.took(monotonic() - from);
      }
    };
  }
  const isBidi = method.methodKind === "bidi_streaming";
  return async function* (request, call) {
    const scope = open(call);
    let isOver = false;
    try {
      if (isBidi) {
        let from = 0;
        const onMessage = (): void => {
          from = monotonic();
        };
        const input = new UntilAborted(request as AsyncIterable<unknown>, closing, onMessage);
        const answers = handler(input, call) as AsyncIterable<unknown>;
        for await (const answer of scope.through(answers)) {
          figures.took(monotonic() - from);
          yield answer;
        }
      } else {
        yield* scope.through(handler(request, call) as AsyncIterable<unknown>);
      }
      // Handlers end without a word when their call is over, whatever ended it.
      if (call.signal.aborted) throw endOf(call.signal);
      if (guard.closing.aborted) throw goingAway();
      isOver = true;
      ended(scope, undefined);
    } catch (thrown) {
      isOver = true;
      throw shown(thrown, call, scope, ended);
    } finally {
      // A door that stops reading ends the generator where it stands: the call is over.
      if (!isOver) ended(scope, call.signal.aborted ? endOf(call.signal).code : Code.Canceled);
    }
  };
}

type Ended = (scope: CallScope, code: Code | undefined, bug?: unknown) => void;

/** Ends that the service is to blame for, by OpenTelemetry's list for servers of gRPC. */
const faults: ReadonlySet<Code> = new Set([
  Code.Unknown,
  Code.DeadlineExceeded,
  Code.Unimplemented,
  Code.Internal,
  Code.Unavailable,
  Code.DataLoss,
]);

/** The error that the caller gets. An internal error goes to the log only, and has an id there. */
function shown(thrown: unknown, call: Call, scope: CallScope, ended: Ended): ConnectError {
  const error = toConnectError(thrown, call);
  const isBug = error.code === Code.Internal;
  if (isBug && error !== thrown) error.metadata.set(requestIdHeader, scope.id);
  ended(scope, error.code, isBug ? thrown : undefined);
  return error;
}

/** How streams end when the service drains. */
export function goingAway(): ConnectError {
  return new ConnectError("the service is going away, connect again", Code.Unavailable);
}

function toConnectError(thrown: unknown, call: Call): ConnectError {
  if (thrown instanceof ConnectError) return thrown;
  // Errors after the end of a call are caused by that end.
  if (call.signal.aborted) return endOf(call.signal);
  return new ConnectError("internal error", Code.Internal);
}

/** Made once: a stack takes a tenth of a millisecond, and a connection may end with 20,000 calls. */
export const callerLeft: ConnectError = new ConnectError("the caller left", Code.Canceled);

export const deadlinePassed: ConnectError = new ConnectError(
  "the deadline passed",
  Code.DeadlineExceeded,
);

/** What ended a call that is over: its deadline, a door that closes, or else its caller has left. */
export function endOf({ reason }: AbortSignal): ConnectError {
  if (!(reason instanceof ConnectError)) return callerLeft;
  if (reason.code === Code.DeadlineExceeded) return deadlinePassed;
  return reason.code === Code.Unavailable ? reason : callerLeft;
}

/**
 * Ends, like its source, also when the signal aborts while the source is silent. No generator, which
 * would have three promises more for each item.
 */
class UntilAborted<T> implements AsyncIterableIterator<T, undefined> {
  readonly #items: AsyncIterator<T>;
  readonly #closing: AbortListeners;
  readonly #onItem: () => void;
  #giveUp: (() => void) | undefined;

  constructor(source: AsyncIterable<T>, closing: AbortListeners, onItem: () => void) {
    this.#items = source[Symbol.asyncIterator]();
    this.#closing = closing;
    this.#onItem = onItem;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#closing.signal.aborted) return this.return();
    // Not in the constructor: a handler that never asks would never take the listener off again.
    if (this.#giveUp === undefined) this.#closing.add(this.#onAbort);
    return new Promise((resolve, reject) => {
      this.#giveUp = () => {
        this.#leave();
        resolve(nothing);
      };
      this.#items.next().then(
        (item) => {
          if (item.done === true) this.#leave();
          else this.#onItem();
          resolve(item);
        },
        (thrown: unknown) => {
          this.#leave();
          reject(thrown);
        },
      );
    });
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.#leave();
    return nothing;
  }

  #leave(): void {
    this.#closing.delete(this.#onAbort);
  }

  readonly #onAbort = (): void => this.#giveUp?.();
}

const nothing = { done: true, value: undefined } as const;
