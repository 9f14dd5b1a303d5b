/** The longest that a timer can wait; above that, Node's fires at once. */
const timerMsMax = 2 ** 31 - 1;

const unitsMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

type Headers = Record<string, string | string[] | undefined>;

/**
 * Makes the deadline in the headers of a call one that the stacks can keep. One that no timer
 * reaches, 24 days or more, is taken out: it means that there is none. One that cannot be read is
 * replaced by a short word, since the stacks refuse it with the value repeated.
 */
export function admitDeadline(headers: Headers): "admitted" | "unreadable" {
  const results = [
    admit(headers, "grpc-timeout", grpcTimeoutMs),
    admit(headers, "connect-timeout-ms", connectTimeoutMs),
  ];
  return results.includes("unreadable") ? "unreadable" : "admitted";
}

function admit(
  headers: Headers,
  name: string,
  read: (text: string) => number | undefined,
): "admitted" | "unreadable" {
  const text = headers[name];
  if (text === undefined) return "admitted";
  const timeoutMs = read(String(text));
  if (timeoutMs === undefined) {
    headers[name] = "unreadable";
    return "unreadable";
  }
  if (timeoutMs > timerMsMax) delete headers[name];
  return "admitted";
}

function grpcTimeoutMs(text: string): number | undefined {
  const found = /^(?<amount>\d{1,8})(?<unit>[HMSmun])$/.exec(text)?.groups;
  return found === undefined ? undefined : Number(found.amount) * (unitsMs[found.unit ?? ""] ?? 0);
}

function connectTimeoutMs(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}
