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

/** A header that cannot be read, and what it must be. */
export interface HeaderFault {
  readonly header: string;
  readonly mustBe: string;
}

/**
 * Makes the deadline in the headers of a call one that the stacks can keep. One beyond the range of
 * a timer, 24 days or more, is removed: the call has none. One that cannot be read is removed and
 * reported, since the stacks would repeat its value in their refusal.
 */
export function admitDeadline(headers: Headers): HeaderFault | undefined {
  return (
    admit(headers, "grpc-timeout", {
      read: grpcTimeoutMs,
      mustBe: "must be up to 8 digits and a unit, such as 5S",
    }) ??
    admit(headers, "connect-timeout-ms", {
      read: connectTimeoutMs,
      mustBe: "must be up to 10 digits, such as 5000",
    })
  );
}

/** The deadline of a call that was admitted, in milliseconds from now; undefined where it has none. */
export function grpcTimeoutMsOf(headers: Headers): number | undefined {
  const text = headers["grpc-timeout"];
  return text === undefined ? undefined : grpcTimeoutMs(String(text));
}

interface Timeout {
  readonly read: (text: string) => number | undefined;
  readonly mustBe: string;
}

function admit(
  headers: Headers,
  header: string,
  { read, mustBe }: Timeout,
): HeaderFault | undefined {
  const text = headers[header];
  if (text === undefined) return undefined;
  const timeoutMs = read(String(text));
  if (timeoutMs === undefined || timeoutMs > timerMsMax) delete headers[header];
  return timeoutMs === undefined ? { header, mustBe } : undefined;
}

function grpcTimeoutMs(text: string): number | undefined {
  const found = /^(?<amount>\d{1,8})(?<unit>[HMSmun])$/.exec(text)?.groups;
  return found === undefined ? undefined : Number(found.amount) * (unitsMs[found.unit ?? ""] ?? 0);
}

function connectTimeoutMs(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}
