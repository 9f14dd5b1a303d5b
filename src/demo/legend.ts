import { faults, interventionNames, interventions } from "./interventions.ts";

/** Explains what the demo prints. */
export function introduction(actionsPerSecond: number, renewEveryMs: number): string {
  return `
Two terminal sessions, pong-left and pong-right, have a host each. A manager sends each host
${actionsPerSecond} actions a second: over the fast path (WebRTC) while there is one, otherwise over HTTP.
Three tiles hold the leases and renew them every ${renewEveryMs / 1_000} s, one of them over the old route.

  path          what carries the actions, and the health of the fast path
  fast paths    how many the session has had
  actions/s     actions that the host applied in the last second; lost: all that it missed
  gap ms        the longest that the host has waited for an action
  renewals      renewals of the session's leases, including those over the old route
  refreshed     renewals that left the fast path alone, since it works
  renegotiated  renewals that got a handshake for a new fast path, since none worked
`;
}

/** The keys that the demo listens to on a terminal. */
export function keyLegend(): string {
  const lines = interventionNames.map(
    (name) => `  ${interventions[name].key}    ${interventions[name].says}`,
  );
  return [
    "  1 2  choose a session, at first pong-left",
    ...lines,
    "  x    kill a replica of the service, with --replicas",
    "  q    quit, like Ctrl-C",
  ].join("\n");
}

/** What `--help` prints. */
export const demoHelp: string = `Usage: npm run demo [-- options]

Starts the service on free ports with a store of its own, and a manager, 2 hosts and 3 tiles over
real WebRTC. Prints one line a second for each of 2 sessions, and serves a page with a game of Pong
on a third. Ctrl-C ends everything.

  --seconds N   end after N seconds
  --kill HOW    after 5 s, break the first session's transport; HOW is ${faults.join(", ")};
                or, with --replicas, replica: a process of the service
  --replace     after 5 s, replace the first session's fast path while it works
  --replicas N  run N processes of the service on one Redis, behind a balancer; needs redis-server
  --page-port N serve the page at this port of the loopback interface instead of a free one
  --no-page     serve no page
  -h, --help    print this text

Keys on a terminal:

${keyLegend()}
`;
