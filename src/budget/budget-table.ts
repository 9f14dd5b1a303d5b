/** One limit on what callers can make the service hold or do; {@link budgetTable} holds them all. */
export interface BudgetRow {
  readonly limit: number;
  readonly unit:
    | "bytes"
    | "messages"
    | "calls"
    | "pages"
    | "fields"
    | "levels"
    | "streams"
    | "frames"
    | "names"
    | "chunks"
    | "connections"
    | "resets"
    | "ms";
  /** What the number is counted over. */
  readonly of: string;
  /** What a caller meets beyond it. */
  readonly beyond: string;
}

/** The names; each is a row of {@link budgetTable}. */
export type BudgetName =
  | "message_bytes"
  | "legacy_body_bytes"
  | "reflection_bytes"
  | "message_fields"
  | "item_fields"
  | "json_levels"
  | "json_text_bytes"
  | "messages_unpacked_at_once"
  | "open_calls"
  | "open_header_bytes"
  | "header_string_bytes"
  | "pages_made_at_once"
  | "page_bytes"
  | "json_page_bytes"
  | "request_bytes"
  | "connection_request_bytes"
  | "watch_streams"
  | "watched_names"
  | "connection_watched_names"
  | "unread_bytes"
  | "connection_unread_bytes"
  | "unread_ms"
  | "address_resets"
  | "turn_resets"
  | "queued_calls"
  | "small_chunks"
  | "request_ms"
  | "header_bytes"
  | "refused_streams"
  | "control_frames"
  | "handshake_ms"
  | "open_streams"
  | "connection_streams"
  | "principal_calls"
  | "turn_ms"
  | "scrape_ms";

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

/** Refused as RESOURCE_EXHAUSTED with RetryInfo, by the old routes as 429 with Retry-After. */
const tooMany = "TOO_MANY";
const fieldInvalid = "FIELD_INVALID";

/**
 * Every budget there is: the code that enforces one, its metrics and the table that people read all
 * take name and number here. Names are labels of metrics.
 */
export const budgetTable: Readonly<Record<BudgetName, BudgetRow>> = {
  message_bytes: {
    limit: mebibyte,
    unit: "bytes",
    of: "one message, unpacked, on every door",
    beyond: fieldInvalid,
  },
  legacy_body_bytes: {
    limit: 64 * kibibyte,
    unit: "bytes",
    of: "the body of one call of an old route",
    beyond: "413",
  },
  reflection_bytes: {
    limit: 4 * kibibyte,
    unit: "bytes",
    of: "one question to server reflection, unpacked",
    beyond: fieldInvalid,
  },
  message_fields: {
    limit: 100_000,
    unit: "fields",
    of: "one message, with those of all messages inside it; in JSON its values",
    beyond: fieldInvalid,
  },
  item_fields: {
    limit: 1_000,
    unit: "fields",
    of: "one entry of a list or map of a message; in JSON those that the message itself sets, too",
    beyond: fieldInvalid,
  },
  json_levels: {
    limit: 32,
    unit: "levels",
    of: "objects and arrays of JSON inside each other",
    beyond: fieldInvalid,
  },
  json_text_bytes: {
    limit: 8 * kibibyte,
    unit: "bytes",
    of: "one text or number of a message in JSON, as it is written",
    beyond: fieldInvalid,
  },
  messages_unpacked_at_once: {
    limit: 4,
    unit: "messages",
    of: "being unpacked in the process",
    beyond: "the next one waits",
  },
  open_calls: {
    limit: 50_000,
    unit: "calls",
    of: "open over gRPC; one connection may have as many as are left for all others",
    beyond: tooMany,
  },
  open_header_bytes: {
    limit: 128 * mebibyte,
    unit: "bytes",
    of: "the headers of all open calls over HTTP/2; one connection may have as many as are left for all others",
    beyond: `${tooMany}; at the public door REFUSED_STREAM`,
  },
  header_string_bytes: {
    limit: 256 * mebibyte,
    unit: "bytes",
    of: "headers and trailers that come over HTTP/2 to one door between two collections of the whole heap; as many as that heap takes, where it is larger",
    beyond: "a collection begins",
  },
  pages_made_at_once: {
    limit: 4,
    unit: "pages",
    of: "of ListSessions being made in the process; connections take turns",
    beyond: "the next one waits",
  },
  page_bytes: {
    limit: 512 * kibibyte,
    unit: "bytes",
    of: "one page of ListSessions in binary",
    beyond: "the page ends, with a next_page_token",
  },
  json_page_bytes: {
    limit: 48 * kibibyte,
    unit: "bytes",
    of: "one page of ListSessions in JSON, counted as it would be in binary",
    beyond: "the page ends, with a next_page_token",
  },
  request_bytes: {
    limit: 64 * mebibyte,
    unit: "bytes",
    of: "what was sent to the process and is not answered yet, with 64 more for each field",
    beyond: tooMany,
  },
  connection_request_bytes: {
    limit: 16 * mebibyte,
    unit: "bytes",
    of: "what one connection sent that is not answered yet, with 64 more for each field",
    beyond: tooMany,
  },
  watch_streams: {
    limit: 40_000,
    unit: "streams",
    of: "open watch streams of the process",
    beyond: tooMany,
  },
  watched_names: {
    limit: 2_000_000,
    unit: "names",
    of: "sessions and known versions of all open watches; the last fifth is for watches of up to 100",
    beyond: tooMany,
  },
  connection_watched_names: {
    limit: 200_000,
    unit: "names",
    of: "sessions and known versions of the watches of one gRPC connection",
    beyond: tooMany,
  },
  unread_bytes: {
    limit: 64 * mebibyte,
    unit: "bytes",
    of: "large answers of the process that are being made or read: pages of ListSessions, KeepAlive's",
    beyond: tooMany,
  },
  connection_unread_bytes: {
    limit: 16 * mebibyte,
    unit: "bytes",
    of: "large answers of one connection that are being made or read",
    beyond: tooMany,
  },
  unread_ms: {
    limit: 60_000,
    unit: "ms",
    of: "an answer that was made and is not read to its end",
    beyond: "the stream is reset; over HTTP/1.1 the connection",
  },
  address_resets: {
    limit: 10_000,
    unit: "resets",
    of: "streams that one address, or one /64 of IPv6, opened and reset over HTTP/2 at one door; one that is reset in the turn in which it was opened counts as 8, and a connection that HTTP/2 had to end for breaking a rule or a limit counts as 500; a twentieth comes back each second",
    beyond: "the connection is closed, and none is taken from there until a twentieth is left",
  },
  turn_resets: {
    limit: 256,
    unit: "streams",
    of: "one connection of HTTP/2, that it opens and resets within one turn of the event loop",
    beyond: "the connection is closed, which counts as one that HTTP/2 had to end",
  },
  queued_calls: {
    limit: 16,
    unit: "calls",
    of: "one connection of HTTP/1.1, that wait for the answer of the one before",
    beyond: "no more is read of the connection until they are answered",
  },
  small_chunks: {
    limit: 1_000,
    unit: "chunks",
    of: "one body over HTTP, less one for every 64 bytes that it has brought; over HTTP/2 one connection in a second, too: those below 32 bytes, but for the first two of each call",
    beyond: "the connection is closed; for one body over HTTP/2 the stream",
  },
  request_ms: {
    limit: 30_000,
    unit: "ms",
    of: "the time in which a request over HTTP has to arrive whole, its headers too",
    beyond: "408, and the connection closes; over HTTP/2 the stream is reset",
  },
  header_bytes: {
    limit: 16 * kibibyte,
    unit: "bytes",
    of: "the headers of a request over HTTP, its path included",
    beyond: "431, and the connection closes; over HTTP/2 the stream is reset",
  },
  refused_streams: {
    limit: 100,
    unit: "streams",
    of: "one connection of HTTP/2 within a second, that are reset for their headers; each counts as one of `address_resets`",
    beyond: "the connection is closed",
  },
  control_frames: {
    limit: 32,
    unit: "frames",
    of: "SETTINGS and GOAWAY of one connection of HTTP/2 within a second; for each, HTTP/2 looks at all open streams of the connection",
    beyond: "the connection is closed, which counts as one that HTTP/2 had to end",
  },
  open_streams: {
    limit: 40_000,
    unit: "streams",
    of: "open over HTTP/2 at the public door; one connection may have as many as are left for all others",
    beyond: "the stream is refused (REFUSED_STREAM)",
  },
  connection_streams: {
    limit: 1_000,
    unit: "streams",
    of: "open on one connection of HTTP/2 at the public door",
    beyond:
      "the stream is refused (REFUSED_STREAM) until the peer has confirmed the limit; then the connection ends. A stream that takes the place of one that ends in the same turn may be reset (ENHANCE_YOUR_CALM)",
  },
  handshake_ms: {
    limit: 10_000,
    unit: "ms",
    of: "the time in which a connection over TLS has to finish its handshake",
    beyond: "the connection is closed",
  },
  principal_calls: {
    limit: 30_000,
    unit: "calls",
    of: "one caller within ten seconds, by its bearer's subject; each message of KeepAlive is one",
    beyond: tooMany,
  },
  turn_ms: {
    limit: 5,
    unit: "ms",
    of: "work for connections in one turn of the event loop, on every door",
    beyond: "the rest waits for later turns, in which connections that took little come first",
  },
  scrape_ms: {
    limit: 50,
    unit: "ms",
    of: "the time from the making of one answer to `GET /metrics` to that of the next",
    beyond: "the scrape waits, and shares the next one with all others that do",
  },
};

/** The table for people, in Markdown. */
export function budgetsMarkdown(): string {
  const rows = Object.entries(budgetTable).map(
    ([name, { limit, unit, of, beyond }]) =>
      `| \`${name}\` | ${limit.toLocaleString("en")} ${unit} | ${of} | ${beyond} |`,
  );
  return ["| budget | limit | of what | beyond it |", "|---|---|---|---|", ...rows, ""].join("\n");
}
