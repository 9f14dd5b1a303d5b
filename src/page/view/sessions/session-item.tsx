import { memo, type NamedExoticComponent, type ReactElement, useId } from "react";

import type { LeaseView } from "../../model/leases.ts";
import type { UnseenSpan } from "../../model/page-state.ts";
import type { SessionRecord } from "../../model/session-record.ts";
import { ratioWords, storyOf } from "../../model/story.ts";
import { healthOf, pathOf } from "../../model/timeline.ts";
import { pathWords, phaseWords, reasonWords } from "../../model/words.ts";
import { usePageParts } from "../page-context.ts";
import type { Asked } from "../questions/action-dialog.tsx";
import { EndsInShort } from "./ends.tsx";
import { holderWords, Remaining } from "./lease-parts.tsx";
import { SessionDetail } from "./session-detail.tsx";
import { TimelineChart } from "./timeline-chart.tsx";

interface SessionItemProps {
  readonly record: SessionRecord;
  readonly unseen: readonly UnseenSpan[];
  readonly windowMs: number;
  readonly isOpen: boolean;
  readonly onToggle: (sessionId: string) => void;
  readonly onAsk: (asked: Asked) => void;
}

/** One session in a row, and below it whatever else is known, while it is open. */
export const SessionItem: NamedExoticComponent<SessionItemProps> = memo(function SessionItem(
  props: SessionItemProps,
): ReactElement {
  const { record, unseen, windowMs, isOpen, onToggle, onAsk } = props;
  const { ticker } = usePageParts();
  const { sessionId, transport } = record;
  const detailId = useId();
  return (
    <article
      className="session-item"
      data-session={sessionId}
      data-gone={record.gone !== undefined}
      aria-label={sessionId}
    >
      <div className="session-grid session-row">
        <div className="cell cell-name">
          <button
            type="button"
            className="session-name mono"
            aria-expanded={isOpen}
            aria-controls={detailId}
            onClick={() => onToggle(sessionId)}
          >
            {sessionId}
          </button>
          <span className="sub">
            {record.gone === undefined
              ? reasonWords(record.because)
              : `detached: ${reasonWords(record.gone.reason)}`}
          </span>
        </div>
        <PathCell record={record} />
        <div className="cell cell-ends">
          <span className="hidden-label">Ends: </span>
          <EndsInShort record={record} />
        </div>
        <div className="cell cell-leases">
          <span className="hidden-label">Leases: </span>
          <LeasesInShort leases={record.leases} live={transport.liveLeases} />
        </div>
        <div className="cell cell-ratio">
          <span className="hidden-label">{ratioWords(record)}</span>
          <span aria-hidden="true">
            <b className="ratio-renewals">{record.renewals}</b>
            <span className="muted"> / </span>
            <b className="ratio-handshakes">{record.handshakes}</b>
          </span>
        </div>
        <div className="cell cell-timeline">
          <TimelineChart
            timeline={record.timeline}
            unseen={unseen}
            windowMs={windowMs}
            story={storyOf(record, ticker.nowMs())}
            size="row"
          />
        </div>
      </div>
      <div id={detailId} hidden={!isOpen}>
        {isOpen && (
          <SessionDetail record={record} unseen={unseen} windowMs={windowMs} onAsk={onAsk} />
        )}
      </div>
    </article>
  );
});

function PathCell({ record: { transport } }: { readonly record: SessionRecord }): ReactElement {
  const path = pathOf(transport);
  const health = healthOf(transport);
  return (
    <div className="cell cell-path">
      <span className="hidden-label">Path: </span>
      <span className="pill" data-path={path}>
        <span className="dot" aria-hidden="true" />
        {pathWords[path]}
      </span>
      <span className="sub" data-health={health}>
        {health === undefined ? "none yet" : phaseWords[health]}
        {transport.negotiation !== undefined && (
          <span className="negotiating-note"> · negotiating</span>
        )}
      </span>
    </div>
  );
}

const leasesShown = 2;

function LeasesInShort({
  leases,
  live,
}: {
  readonly leases: readonly LeaseView[] | undefined;
  readonly live: number;
}): ReactElement {
  if (leases === undefined) return <span className="muted">{`${live} live`}</span>;
  if (leases.length === 0) return <span className="muted">none</span>;
  const more = leases.length - leasesShown;
  return (
    <ul className="leases-short">
      {leases.slice(0, leasesShown).map((lease) => (
        <li key={lease.leaseId}>
          <span className="holder">{holderWords(lease)}</span>
          <Remaining lease={lease} />
        </li>
      ))}
      {more > 0 && <li className="muted more-leases">{`and ${more} more`}</li>}
    </ul>
  );
}
