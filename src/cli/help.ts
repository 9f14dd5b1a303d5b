import { exitCodeTable } from "./failure.ts";

const text = `controller-lease COMMAND [options]: what people on call need of a running service.

Commands:
  sessions               lists sessions: --beach ID, --path WORD (pending, fast_path or http_fallback),
                         --limit N
  watch SESSION...       prints a line for each change, until Ctrl-C; or --beach ID for all of a beach
  renegotiate SESSION    asks for another fast path, as an operator; the current one stays until then
  revoke SESSION         ends all leases at once: --lease ID for single ones, --hold 10m (up to 24h, a
                         minute if left out, 0 lifts holds), --reason TEXT for the log
  drain                  has one process end its streams and exit: --ops HOST:PORT

The last three ask first; --yes or -y says yes. --session ID is another way to name a session.

How to reach the service:
  --address HOST:PORT    its internal door [127.0.0.1:50051]; https://HOST:PORT for TLS, also of the
                         public door
  --ops HOST:PORT        its operators' door, for drain [127.0.0.1:9464]
  --bearer-file FILE     a file with the bearer; or LEASE_BEARER in the environment
  --ca FILE              the authority of the door's certificate, in PEM; turns TLS on
  --cert FILE, --key FILE  a certificate to call with, and its key
  --timeout DURATION     how long an answer may take, as 500ms, 10s or 1m [10s]

  --json                 one JSON object a line, instead of a table
  -h, --help             this text
  --version              the version

Exit codes:
`;

export function help(): string {
  const rows = exitCodeTable.map(([code, meaning]) => `  ${String(code).padEnd(4)} ${meaning}`);
  return `${text}${rows.join("\n")}`;
}
