import type { Logger } from "./log/logger.ts";
import type { Metrics } from "./metrics/metrics.ts";

/** The events of the client of Beach Road. */
interface RoadEvent {
  readonly call: string;
  readonly kind: "called" | "circuit";
  readonly outcome?: string;
  readonly is?: "open" | "closed";
}

/** A count for each request, and a line for each time that Road is given up or asked again. */
export function observeRoad(log: Logger, metrics: Metrics): (event: RoadEvent) => void {
  return ({ kind, call, outcome = "", is }) => {
    if (kind === "called") metrics.roadCalls.count(call, outcome);
    else if (is === "open") log.warn({ call }, "Beach Road is failing; requests to it are paused");
    else log.info({ call }, "Beach Road answers again");
  };
}
