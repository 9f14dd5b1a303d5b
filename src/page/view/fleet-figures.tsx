import type { ReactElement } from "react";

import type { SummarizeFleetResponse } from "../../gen/beach/controller/v1/fast_path_registry_pb.js";
import { count, pathWords } from "../model/words.ts";

interface FigureProps {
  readonly name: string;
  readonly value: bigint | undefined;
  readonly note: string;
}

/** The private beach in figures, as the service sums them up. */
export function FleetFigures({
  fleet,
}: {
  readonly fleet: SummarizeFleetResponse | undefined;
}): ReactElement {
  return (
    <section className="fleet" aria-label="Figures of the private beach">
      <div className="figure paths-figure">
        <dl className="path-counts">
          <PathCount path="fast_path" value={fleet?.fastPath} />
          <PathCount path="http_fallback" value={fleet?.httpFallback} />
          <PathCount path="pending" value={fleet?.pending} />
        </dl>
        <PathShares fleet={fleet} />
        <p className="figure-note">{sessionsNote(fleet)}</p>
      </div>
      <dl className="figures">
        <Figure name="Live leases" value={fleet?.liveLeases} note="on all sessions" />
        <Figure name="Renewals" value={fleet?.renewalsLastMinute} note="in the last minute" />
        <Figure name="Handshakes" value={fleet?.renegotiationsLastHour} note="in the last hour" />
        <Figure name="In flight" value={fleet?.negotiationsInFlight} note="handshakes now" />
      </dl>
    </section>
  );
}

function Figure({ name, value, note }: FigureProps): ReactElement {
  return (
    <div className="figure">
      <dt>{name}</dt>
      <dd>
        <span className="figure-value">{shown(value)}</span>
        <span className="figure-note">{note}</span>
      </dd>
    </div>
  );
}

function PathCount({
  path,
  value,
}: {
  readonly path: keyof typeof pathWords;
  readonly value: bigint | undefined;
}): ReactElement {
  return (
    <div className="path-count" data-path={path}>
      <dt>
        <span className="swatch" aria-hidden="true" />
        {pathWords[path]}
      </dt>
      <dd className="figure-value">{shown(value)}</dd>
    </div>
  );
}

/** The same three counts as one bar; for the eye alone. */
function PathShares({
  fleet,
}: {
  readonly fleet: SummarizeFleetResponse | undefined;
}): ReactElement {
  const all = Number(fleet?.sessions ?? 0n) || 1;
  const fast = (Number(fleet?.fastPath ?? 0n) / all) * 100;
  const fallback = (Number(fleet?.httpFallback ?? 0n) / all) * 100;
  const pending = (Number(fleet?.pending ?? 0n) / all) * 100;
  return (
    <svg className="path-shares" aria-hidden="true">
      <rect className="path-fast_path" x="0" width={`${fast}%`} height="100%" />
      <rect className="path-http_fallback" x={`${fast}%`} width={`${fallback}%`} height="100%" />
      <rect
        className="path-pending"
        x={`${fast + fallback}%`}
        width={`${pending}%`}
        height="100%"
      />
    </svg>
  );
}

function sessionsNote(fleet: SummarizeFleetResponse | undefined): string {
  return fleet === undefined ? "not counted yet" : count(Number(fleet.sessions), "session");
}

function shown(value: bigint | undefined): string {
  return value === undefined ? "–" : value.toLocaleString("en");
}
