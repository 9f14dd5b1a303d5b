import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";

import type { BudgetName } from "../../budget/budget-table.ts";
import type { Budgets } from "../../budget/budgets.ts";

interface Refusal {
  readonly status: number;
  readonly message: string;
}

const unreadable: Refusal = { status: 400, message: "the request must be HTTP/1.1" };

interface ParserRefusal {
  readonly status: number;
  readonly budget?: BudgetName;
  readonly message: (limit: number) => string;
}

/** What the parser of HTTP refuses by itself, by Node's code of it. */
const refusals: Readonly<Record<string, ParserRefusal>> = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    budget: "request_ms",
    message: (limit) => `the request must arrive whole within ${limit} ms`,
  },
  HPE_HEADER_OVERFLOW: {
    status: 431,
    budget: "header_bytes",
    message: (limit) => `the path and the headers must be at most ${limit} bytes`,
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: 413,
    message: () => "the chunks of a body must go without long extensions",
  },
};

/** Sockets that were refused: what they go on to send is refused no second time. */
const refused = new WeakSet<Socket>();

/**
 * Answers what the parser of HTTP could not read, in the words that all refusals of the door have,
 * and closes the connection: where the next request begins is not known.
 */
export function refuseUnparsed(
  error: NodeJS.ErrnoException,
  socket: Socket,
  budgets: Budgets,
): void {
  const isAnswering = "_httpMessage" in socket && isUnderWay(socket._httpMessage);
  if (refused.has(socket)) return;
  refused.add(socket);
  const told = refusalOf(error.code ?? "", budgets);
  if (error.code === "ECONNRESET" || !socket.writable || isAnswering) {
    socket.destroy();
    return;
  }
  refuseOnSocket(socket, told ?? unreadable);
}

/** Counts a refusal for a budget, even when it can no longer be sent. */
function refusalOf(code: string, budgets: Budgets): Refusal | undefined {
  const refusal = refusals[code];
  if (refusal === undefined) return undefined;
  const { status, budget, message } = refusal;
  if (budget === undefined) return { status, message: message(0) };
  budgets.refuse(budget);
  return { status, message: message(budgets.limit(budget)) };
}

export const tunnelRefusal = "the method must be one of a route";
export const expectRefusal = '"expect" must be 100-continue';

/** The door does not tunnel. */
export function refuseTunnel(socket: Socket): void {
  refuseOnSocket(socket, { status: 405, message: tunnelRefusal });
}

function refuseOnSocket(socket: Socket, { status, message }: Refusal): void {
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
