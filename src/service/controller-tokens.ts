import { createHmac, createSecretKey, type KeyObject } from "node:crypto";

import type { LeaseId } from "../core/ids.ts";
import type { ControllerTokens } from "./lease-service.ts";
import { RememberedDigests, sha256 } from "./remembered-digests.ts";

/**
 * Tokens that are `base64url(HMAC-SHA256(key, lease id))`: the same across renewals, restarts and
 * replicas, and stored nowhere. Tokens of `previousKey` stay valid for leases that record them.
 */
export function controllerTokens(key: Uint8Array, previousKey?: Uint8Array): ControllerTokens {
  // Node takes five times as long for a token where it has to make a key of the bytes each time.
  const current = createSecretKey(key);
  const previousKeys = previousKey === undefined ? [] : [createSecretKey(previousKey)];
  const digests = new RememberedDigests();
  return {
    of: (leaseId, recorded) => {
      const token = derive(current, leaseId);
      if (previousKeys.length === 0 || recorded.includes(sha256(token))) return token;
      const previous = previousKeys.map((old) => derive(old, leaseId));
      return previous.find((old) => recorded.includes(sha256(old))) ?? token;
    },
    hashesOf: (leaseId) => [
      sha256(derive(current, leaseId)),
      ...previousKeys.map((old) => sha256(derive(old, leaseId))),
    ],
    hash: (token) => digests.of(token),
  };
}

function derive(key: KeyObject, leaseId: LeaseId): string {
  return createHmac("sha256", key).update(leaseId).digest("base64url");
}
