import type { RunningService } from "../support/process/run-service.ts";

/** What an old client sees of an answer. */
export interface Seen {
  readonly status: number;
  readonly body: unknown;
  readonly contentType: string | null;
  readonly retryAfter: string | null;
}

/** Calls the old JSON routes with nothing but fetch, as old clients do. */
export function oldClient(
  service: RunningService,
): (
  method: "POST" | "DELETE",
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Seen> {
  return async (method, path, body, headers = { "content-type": "application/json" }) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const response = await fetch(service.httpUrl(path), {
      method,
      ...(text === undefined ? {} : { body: text, headers }),
    });
    return {
      status: response.status,
      body: await response.json(),
      contentType: response.headers.get("content-type"),
      retryAfter: response.headers.get("retry-after"),
    };
  };
}
