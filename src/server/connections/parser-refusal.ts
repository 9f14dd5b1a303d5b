import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";

import { budgetTable } from "../../budget/budget-table.ts";

interface ParserRefusal {
  readonly status: number;
  readonly message: string;
}

const unreadable: ParserRefusal = { status: 400, message: "the request must be HTTP/1.1" };

/** What the parser of HTTP refuses by itself, by Node's code of it. */
const refusals: Readonly<Record<string, ParserRefusal>> = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    message: `the request must arrive whole within ${budgetTable.request_ms.limit} ms`,
  },
  HPE_HEADER_OVERFLOW: {
    status: 431,
    message: `the path and the headers must be at most ${budgetTable.header_bytes.limit} bytes`,
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: 413,
    message: "the chunks of a body must go without long extensions",
  },
};

/** Sockets that were refused: what they go on to send is refused no second time. */
const refused = new WeakSet<Socket>();

/**
 * Answers what the parser of HTTP could not read, in the words that all refusals of the door have,
 * and closes the connection: where the next request begins is not known.
 */
export function refuseUnparsed(error: NodeJS.ErrnoException, socket: Socket): void {
  const isAnswering = "_httpMessage" in socket && isUnderWay(socket._httpMessage);
  if (refused.has(socket)) return;
  refused.add(socket);
  if (error.code === "ECONNRESET" || !socket.writable || isAnswering) {
    socket.destroy();
    return;
  }
  refuseOnSocket(socket, refusals[error.code ?? ""] ?? unreadable);
}

/** The door does not tunnel. */
export function refuseTunnel(socket: Socket): void {
  refuseOnSocket(socket, { status: 405, message: "the method must be one of a route" });
}

function refuseOnSocket(socket: Socket, { status, message }: ParserRefusal): void {
  const body = refusalBody(message);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroySoon());
}

/** The body of a refusal for a request that is at fault. */
export function refusalBody(message: string): string {
  return JSON.stringify({ error: "bad_request", message });
}

/** A response in the middle of which no other may begin. */
function isUnderWay(response: unknown): boolean {
  return (
    typeof response === "object" &&
    response !== null &&
    "headersSent" in response &&
    response.headersSent === true
  );
}
