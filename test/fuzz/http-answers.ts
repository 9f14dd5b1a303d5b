/** An answer over HTTP/1.1, as its bytes say. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Whether all of it came. */
  readonly isWhole: boolean;
}

const headEnd = "\r\n\r\n";

/**
 * The answers in what a connection received, one after the other; undefined for bytes that are none.
 *
 * @param bodiless the answers tell of bodies that do not come, as those to HEAD do
 */
export function answersIn(bytes: Buffer, bodiless = false): readonly HttpAnswer[] | undefined {
  const answers: HttpAnswer[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const end = rest.indexOf(headEnd);
    const head = /^HTTP\/1\.1 (?<status>\d{3})/.exec(rest.subarray(0, 12).toString("latin1"));
    if (head === null || end < 0) return undefined;
    const headers = headersIn(rest.subarray(0, end).toString("latin1"));
    const status = Number(head.groups?.status);
    const after = rest.subarray(end + headEnd.length);
    const hasNone = bodiless || status === 100 || status === 204 || status === 304;
    const { body, isWhole, left } = hasNone
      ? { body: Buffer.alloc(0), isWhole: true, left: after }
      : bodyIn(after, headers);
    answers.push({ status, headers, body, isWhole });
    rest = left;
  }
  return answers;
}

interface Body {
  readonly body: Buffer;
  readonly isWhole: boolean;
  /** What follows. */
  readonly left: Buffer;
}

function bodyIn(bytes: Buffer, headers: HttpAnswer["headers"]): Body {
  if (headers["transfer-encoding"] === "chunked") return chunksIn(bytes);
  const length = Number(headers["content-length"] ?? 0);
  const body = bytes.subarray(0, length);
  return { body, isWhole: body.length === length, left: bytes.subarray(length) };
}

function chunksIn(bytes: Buffer): Body {
  const chunks: Buffer[] = [];
  let rest = bytes;
  for (;;) {
    const end = rest.indexOf("\r\n");
    const length = end < 0 ? Number.NaN : Number.parseInt(rest.subarray(0, end).toString(), 16);
    const chunk = rest.subarray(end + 2, end + 2 + length);
    if (Number.isNaN(length) || chunk.length < length) {
      return { body: Buffer.concat(chunks), isWhole: false, left: Buffer.alloc(0) };
    }
    rest = rest.subarray(end + 2 + length + 2);
    if (length === 0) return { body: Buffer.concat(chunks), isWhole: true, left: rest };
    chunks.push(chunk);
  }
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
