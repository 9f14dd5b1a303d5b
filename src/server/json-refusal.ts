import type { FastifyReply, FastifyRequest } from "fastify";

/** An error of the door itself, in the body that the old routes' callers know. */
interface JsonRefusal {
  readonly status: number;
  readonly error: string;
  readonly message: string | null;
}

/** A refusal with the status that a handler gives it. */
class Refused extends Error {
  override readonly name = "Refused";
  readonly statusCode: number;

  constructor(statusCode: number, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

/** The request is at fault. */
export function badRequest(message: string): Error {
  return refusedRequest(400, message);
}

/** The request is at fault, in a way that HTTP has a status of its own for. */
export function refusedRequest(status: number, message: string): Error {
  return new Refused(status, message);
}

/** What is asked cannot be done as things are. */
export function conflict(message: string): Error {
  return refusedRequest(409, message);
}

/**
 * Answers an error of Fastify or a handler. An internal error goes to `onBug`, and its text to no
 * caller.
 */
export function refuseJson(
  error: unknown,
  reply: FastifyReply,
  onBug: (error: unknown) => void,
): FastifyReply {
  const refusal = toRefusal(error, reply.request);
  if (refusal.error === "internal_error") onBug(error);
  return sendRefusal(reply, refusal);
}

const unknownRoute: JsonRefusal = { status: 404, error: "not_found", message: "no such route" };

export function refuseUnknownRoute(reply: FastifyReply): FastifyReply {
  return sendRefusal(reply, unknownRoute);
}

export function refuseForeignOrigin(reply: FastifyReply): FastifyReply {
  const message = "pages of this origin may not call; LEASE_CORS_ORIGINS lists those that may";
  return sendRefusal(reply, { status: 403, error: "forbidden", message });
}

function sendRefusal(reply: FastifyReply, { status, error, message }: JsonRefusal): FastifyReply {
  return reply.code(status).send({ error, message });
}

/** Fastify's own words may repeat what a caller sent, whole. */
const ownWords: Readonly<Record<number, string>> = {
  415: '"content-type" must be one that the route takes',
};
const unreadable = "the request must be one that the route takes";

/** Other paths have no part that a caller chooses: one that cannot be read is of no route. */
const pathsWithIds = "/sessions/";

function toRefusal(error: unknown, { url: path, routeOptions }: FastifyRequest): JsonRefusal {
  const status = error instanceof Error && "statusCode" in error ? Number(error.statusCode) : 500;
  if (error instanceof Refused) {
    const word = status === 409 ? "conflict" : "bad_request";
    return { status, error: word, message: error.message };
  }
  if (status === 413) {
    const message = `"body" must be at most ${routeOptions.bodyLimit} bytes`;
    return { status, error: "bad_request", message };
  }
  if (isBadPath(error)) {
    if (!path.startsWith(pathsWithIds)) return unknownRoute;
    return { status, error: "bad_request", message: "the path must be percent-encoded UTF-8" };
  }
  if (status >= 400 && status < 500 && error instanceof Error) {
    return { status, error: "bad_request", message: ownWords[status] ?? unreadable };
  }
  return { status: 500, error: "internal_error", message: null };
}

/** Fastify would repeat the whole path. */
function isBadPath(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "FST_ERR_BAD_URL";
}
