import { type Policy, sharedPolicy } from "../../../src/core/policy.ts";
import { toSettings } from "../../../src/settings/settings.ts";
import type { Env } from "../../support/process/run-service.ts";

/** Short horizons, so that more happens in a minute. */
export const chaosEnv: Env = {
  LEASE_TTL_MS: "6000",
  LEASE_TTL_MIN_MS: "4000",
  LEASE_NEGOTIATION_TIMEOUT_MS: "8000",
  LEASE_EVIDENCE_STALE_MS: "5000",
  LEASE_EVIDENCE_LOST_MS: "10000",
  LEASE_RETIRE_LINGER_MS: "2000",
  LEASE_TOKEN_KEY: "the-same-key-for-every-replica-of-the-chaos",
  LEASE_LOG_LEVEL: "warn",
};

/** The policy that replicas follow which are started with these settings. */
export function policyOf(env: Env): Policy {
  const result = toSettings({ LEASE_STORE_URL: "redis://127.0.0.1:1", ...env });
  if (result.kind === "faults") throw new Error(result.faults.join("\n"));
  return sharedPolicy(result.settings.policy);
}
