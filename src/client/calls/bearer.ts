import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";

import { type ClientClock, systemClock } from "./clock.ts";

/**
 * Hands out the bearer of the person who is signed in.
 *
 * @param why `rejected`: the service did not accept the last one, or it is about to end; get another
 */
export type GetBearer = (why: "first" | "rejected") => string | Promise<string>;

/** A callback that takes longer is given up: no call hangs for ever because of it. */
const answerMsMax = 10_000;

/** The bearer in use, asked for once however many calls need it. */
export class Bearers {
  readonly #get: GetBearer;
  readonly #clock: ClientClock;
  #asking: Promise<string> | undefined;
  #isFirst = true;

  constructor(get: GetBearer, clock: ClientClock = systemClock) {
    this.#get = get;
    this.#clock = clock;
  }

  /** The bearer in use. A callback that fails is asked again by the next call. */
  current(): Promise<string> {
    if (this.#asking !== undefined) return this.#asking;
    const asking = this.#ask(this.#isFirst ? "first" : "rejected");
    this.#asking = asking;
    asking.then(
      () => {
        this.#isFirst = false;
      },
      () => this.#forget(asking),
    );
    return asking;
  }

  /** The next call asks for another bearer, unless that is under way already. */
  async reject(bearer: string): Promise<void> {
    const asking = this.#asking;
    if (asking !== undefined && (await asking.catch(() => undefined)) === bearer) {
      this.#forget(asking);
    }
  }

  async #ask(why: "first" | "rejected"): Promise<string> {
    let cancel = (): void => undefined;
    const late = new Promise<never>((_, reject) => {
      const giveUp = (): void => {
        const message = `the bearer callback gave no answer within ${answerMsMax} ms`;
        reject(new ConnectError(message, Code.Unavailable));
      };
      cancel = this.#clock.startTimer(giveUp, answerMsMax);
    });
    try {
      return await Promise.race([this.#get(why), late]);
    } finally {
      cancel();
    }
  }

  #forget(asking: Promise<string>): void {
    if (this.#asking === asking) this.#asking = undefined;
  }
}

/**
 * Sets the bearer of each call. A call that is refused as UNAUTHENTICATED is made once more with
 * another bearer; a stream that ends so, or that says `BearerExpiring`, leaves that to its next one.
 */
export function bearerInterceptor(bearers: Bearers): Interceptor {
  return (next) => async (request) => {
    const bearer = await bearers.current();
    request.header.set("authorization", `Bearer ${bearer}`);
    try {
      const response = await next(request);
      if (!response.stream) return response;
      return { ...response, message: watched(response.message, () => bearers.reject(bearer)) };
    } catch (error) {
      if (!isRejected(error)) throw error;
      await bearers.reject(bearer);
      if (request.stream) throw error;
      request.header.set("authorization", `Bearer ${await bearers.current()}`);
      return await next(request);
    }
  };
}

async function* watched<T>(
  messages: AsyncIterable<T>,
  reject: () => Promise<void>,
): AsyncIterable<T> {
  try {
    for await (const message of messages) {
      if (isBearerExpiring(message)) await reject();
      yield message;
    }
  } catch (error) {
    if (isRejected(error)) await reject();
    throw error;
  }
}

function isRejected(error: unknown): boolean {
  return ConnectError.from(error).code === Code.Unauthenticated;
}

function isBearerExpiring(message: unknown): boolean {
  const { event } = message as { readonly event?: { readonly case?: string } };
  return event?.case === "bearerExpiring";
}
