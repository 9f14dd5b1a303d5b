import { deathWishes, deedNames, deeds } from "./deeds.ts";

/** What is shown, for somebody who sees it for the first time. */
export function introduction(actionsPerSecond: number, renewEveryMs: number): string {
  return `
Two terminal sessions, pong-left and pong-right, with a host each. A manager sends each host
${actionsPerSecond} actions a second: over the fast path (WebRTC) while there is one, and over HTTP otherwise.
Three tiles hold the leases to send them and renew those every ${renewEveryMs / 1_000} s, one of them by the old route.

  path          what carries the actions, and how well the fast path is
  fast paths    how many the session has had so far
  actions/s     what the host applied in the last second; lost: what it missed so far
  gap ms        the longest that the host waited for an action so far
  renewals      of the session's leases, those by the old route included
  refreshed     the renewals that left the fast path alone, since it works
  renegotiated  those that got a handshake for a new fast path, since none worked
`;
}

/** The keys that the demo listens to on a terminal. */
export function keyLegend(): string {
  const lines = deedNames.map((name) => `  ${deeds[name].key}    ${deeds[name].says}`);
  return [
    "  1 2  choose a session; first it is pong-left",
    ...lines,
    "  x    kill a replica of the service, with --replicas",
    "  q    end, as does Ctrl-C",
  ].join("\n");
}

/** What `--help` prints. */
export const demoHelp: string = `Usage: npm run demo [-- options]

Starts the service on free ports and a store of its own, a manager, 2 hosts and 3 tiles over real
WebRTC, and prints a line a second for each of 2 sessions. Ctrl-C ends all of it.

  --seconds N   end after N seconds
  --kill HOW    after 5 s, kill the first session's transport; HOW is ${deathWishes.join(", ")};
                or, with --replicas, replica: a process of the service
  --replace     after 5 s, replace the first session's fast path while it works
  --replicas N  N processes of the service on one Redis, behind a balancer; needs redis-server
  -h, --help    this text

Keys on a terminal:

${keyLegend()}
`;
