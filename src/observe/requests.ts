import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";

/** The header in which callers name a request, and are answered its name. */
export const requestIdHeader = "x-request-id";

const sane = /^[\x21-\x7e]{1,128}$/;

/** A name that may stand in a line of the log and in a header: printable ASCII without blanks. */
export function saneRequestId(given: unknown): string | undefined {
  return typeof given === "string" && sane.test(given) ? given : undefined;
}

/** A call before it is served. */
export interface IncomingCall {
  readonly requestHeader: { get(name: string): string | null };
}

/** A request, whose id is looked up or made only for those who ask for it. */
export class TaggedRequest {
  readonly #call: IncomingCall;
  #id: string | undefined;

  constructor(call: IncomingCall) {
    this.#call = call;
  }

  /** What its caller named it, or else an id of ours. */
  get id(): string {
    this.#id ??= saneRequestId(this.#call.requestHeader.get(requestIdHeader)) ?? randomUUID();
    return this.#id;
  }
}

const requests = new AsyncLocalStorage<TaggedRequest>();

/** The work is part of the request, with all that it awaits. */
export function within<T>(request: TaggedRequest, work: () => T): T {
  return requests.run(request, work);
}

/** The request that the work at hand is part of. */
export function requestAtHand(): TaggedRequest | undefined {
  return requests.getStore();
}
