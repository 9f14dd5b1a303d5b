import type { Settings } from "./settings.ts";

/** What is allowed, and perhaps not meant. */
export function settingsWarnings({
  auth,
  roadUrl,
}: Pick<Settings, "auth" | "roadUrl">): readonly string[] {
  const isDev = auth.kind === "dev";
  const open = isDev
    ? ["LEASE_AUTH=dev: anyone who can reach this machine's loopback may do everything"]
    : [];
  if (roadUrl !== undefined) return open;
  const passcodes = isDev
    ? "any passcode that is not empty opens a session"
    : "no passcode opens a session, which has to be attached first";
  return [...open, `LEASE_ROAD_URL is not set: ${passcodes}`];
}
