import { durationMs } from "@bufbuild/protobuf/wkt";
import type { Interceptor } from "@connectrpc/connect";

import type { WatchTransportResponse } from "../../gen/beach/controller/v1/controller_lease_pb.js";
import { type BearerClaims, claimsOf } from "../model/bearer.ts";

const key = "lease-bearer";

/**
 * The bearer in use. It is kept for this tab alone, and until that is closed: a reload asks for none,
 * and nothing of it is left on disk by the page.
 */
export class BearerBox {
  #bearer: string | undefined = sessionStorage.getItem(key) ?? undefined;

  get current(): string | undefined {
    return this.#bearer;
  }

  get claims(): BearerClaims | undefined {
    return this.#bearer === undefined ? undefined : claimsOf(this.#bearer);
  }

  keep(bearer: string): void {
    this.#bearer = bearer;
    sessionStorage.setItem(key, bearer);
  }

  forget(): void {
    this.#bearer = undefined;
    sessionStorage.removeItem(key);
  }
}

/**
 * Sets the bearer of each call. `BearerExpiring` is told, and kept from the watch, which would open
 * another stream at once, with the same bearer: the page does so when it has been given another.
 */
export function bearerInterceptor(box: BearerBox, onExpiring: (inMs: number) => void): Interceptor {
  return (next) => async (request) => {
    const bearer = box.current;
    if (bearer !== undefined) request.header.set("authorization", `Bearer ${bearer}`);
    const response = await next(request);
    if (!response.stream) return response;
    const message = response.message as AsyncIterable<WatchTransportResponse>;
    return { ...response, message: withoutExpiring(message, onExpiring) };
  };
}

async function* withoutExpiring(
  messages: AsyncIterable<WatchTransportResponse>,
  onExpiring: (inMs: number) => void,
): AsyncIterable<WatchTransportResponse> {
  for await (const message of messages) {
    if (message.event?.case !== "bearerExpiring") yield message;
    else if (message.event.value.expiresIn) onExpiring(durationMs(message.event.value.expiresIn));
  }
}
