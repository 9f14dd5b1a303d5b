import type { FastifyInstance } from "fastify";

import type { LeastLevel } from "../observe/log/logger.ts";
import { type LogLevel, logLevelNamed, logLevels } from "../settings/log-levels.ts";
import { badRequest } from "./json-refusal.ts";

/** Mounts `GET` and `PUT /log-level`, whose body is `{"level":"debug"}`. */
export function addLogLevel(app: FastifyInstance, level: LeastLevel<LogLevel>): void {
  app.get("/log-level", async () => ({ level: level.current() }));
  app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    // curl sends JSON as a form unless it is told otherwise, so that the type says nothing.
    scope.addContentTypeParser("*", { parseAs: "string" }, (_request, text, read) =>
      read(null, text),
    );
    scope.put("/log-level", async ({ body }) => {
      level.change(levelIn(String(body ?? "")));
      return { level: level.current() };
    });
    done();
  });
}

function levelIn(text: string): LogLevel {
  const level = logLevelNamed(fieldIn(text));
  if (level !== undefined) return level;
  throw badRequest(`"body" must be {"level": …}, with one of ${logLevels.join(", ")}`);
}

function fieldIn(text: string): unknown {
  try {
    return (JSON.parse(text) as { readonly level?: unknown } | null)?.level;
  } catch {
    return undefined;
  }
}
