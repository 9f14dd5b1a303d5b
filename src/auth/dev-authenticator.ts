import type { Authentication, Authenticator } from "./authenticator.ts";

const anyone: Promise<Authentication> = Promise.resolve({
  kind: "authenticated",
  principal: {
    kind: "service",
    authenticatedBy: "dev",
    subject: "dev",
    scopes: ["*"],
    reach: { kind: "every" },
    account: undefined,
    expiresAt: undefined,
  },
});

/** Lets everybody do everything and reads no bearer. For loopback only. */
export const devAuthenticator: Authenticator = {
  authenticate: () => anyone,
  isCurrent: () => true,
};
