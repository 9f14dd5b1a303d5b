/** An answer over HTTP/1.1, as its bytes say. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Whether all of it came. */
  readonly isWhole: boolean;
}

const headEnd = "\r\n\r\n";

/** The answers in what a connection received, one after the other; undefined for bytes that are none. */
export function answersIn(bytes: Buffer): readonly HttpAnswer[] | undefined {
  const answers: HttpAnswer[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const end = rest.indexOf(headEnd);
    const head = /^HTTP\/1\.1 (?<status>\d{3})/.exec(rest.subarray(0, 12).toString("latin1"));
    if (head === null || end < 0) return undefined;
    const headers = headersIn(rest.subarray(0, end).toString("latin1"));
    const status = Number(head.groups?.status);
    const after = rest.subarray(end + headEnd.length);
    const hasNone = status === 100 || status === 204 || status === 304;
    const { body, isWhole, left, trailers } = hasNone
      ? { body: Buffer.alloc(0), isWhole: true, left: after, trailers: {} }
      : bodyIn(after, headers);
    answers.push({ status, headers: { ...headers, ...trailers }, body, isWhole });
    rest = left;
  }
  return answers;
}

interface Body {
  readonly body: Buffer;
  readonly isWhole: boolean;
  /** What follows. */
  readonly left: Buffer;
  readonly trailers: HttpAnswer["headers"];
}

function bodyIn(bytes: Buffer, headers: HttpAnswer["headers"]): Body {
  if (headers["transfer-encoding"] === "chunked") return chunksIn(bytes);
  const length = Number(headers["content-length"] ?? 0);
  const body = bytes.subarray(0, length);
  const left = bytes.subarray(length);
  return { body, isWhole: body.length === length, left, trailers: {} };
}

function chunksIn(bytes: Buffer): Body {
  const chunks: Buffer[] = [];
  let rest = bytes;
  for (;;) {
    const end = rest.indexOf("\r\n");
    const length = end < 0 ? Number.NaN : Number.parseInt(rest.subarray(0, end).toString(), 16);
    const chunk = rest.subarray(end + 2, end + 2 + length);
    if (Number.isNaN(length) || chunk.length < length) {
      return { body: Buffer.concat(chunks), isWhole: false, left: Buffer.alloc(0), trailers: {} };
    }
    if (length === 0) return { ...trailersIn(rest.subarray(end)), body: Buffer.concat(chunks) };
    rest = rest.subarray(end + 2 + length + 2);
    chunks.push(chunk);
  }
}

/** What stands between the last chunk and the next answer. */
function trailersIn(bytes: Buffer): Omit<Body, "body"> {
  const end = bytes.indexOf(headEnd);
  const trailers = headersIn(bytes.subarray(0, Math.max(0, end)).toString("latin1"));
  const left = end < 0 ? Buffer.alloc(0) : bytes.subarray(end + headEnd.length);
  return { isWhole: end >= 0, left, trailers };
}

function headersIn(head: string): HttpAnswer["headers"] {
  const fields = head
    .split("\r\n")
    .slice(1)
    .map((line) => [
      line.slice(0, line.indexOf(":")).toLowerCase(),
      line.slice(line.indexOf(":") + 1).trim(),
    ]);
  return Object.fromEntries(fields);
}
