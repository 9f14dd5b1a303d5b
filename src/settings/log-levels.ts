/** What may be the least level that is logged, from the most lines to none. */
export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

export type LogLevel = (typeof logLevels)[number];

/** The level of that name; undefined when there is none. */
export function logLevelNamed(name: unknown): LogLevel | undefined {
  return logLevels.find((level) => level === name);
}
