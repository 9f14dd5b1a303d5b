import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import type { ReactElement, ReactNode } from "react";

import { msOf } from "../../model/moments.ts";
import type { UnseenSpan } from "../../model/page-state.ts";
import type { SessionRecord } from "../../model/session-record.ts";
import { storyOf } from "../../model/story.ts";
import { healthOf, pathOf } from "../../model/timeline.ts";
import {
  changeWord,
  count,
  durationWords,
  pathWords,
  phaseWords,
  reasonWords,
  secondsWords,
  shortId,
} from "../../model/words.ts";
import { useNowMs, usePageParts } from "../page-context.ts";
import type { Asked } from "../questions/action-dialog.tsx";
import { EndsInFull } from "./ends.tsx";
import { holderWords, Remaining } from "./lease-parts.tsx";
import { TimelineChart } from "./timeline-chart.tsx";

interface DetailProps {
  readonly record: SessionRecord;
  readonly unseen: readonly UnseenSpan[];
  readonly windowMs: number;
  readonly onAsk: (asked: Asked) => void;
}

/** Everything that the page knows of a session, and what can be done about it. */
export function SessionDetail({ record, unseen, windowMs, onAsk }: DetailProps): ReactElement {
  const nowMs = useNowMs();
  const story = storyOf(record, nowMs);
  return (
    <section className="detail" aria-label={`Details of ${record.sessionId}`}>
      <div className="detail-timeline">
        <TimelineChart
          {...{ timeline: record.timeline, unseen, windowMs, story, size: "detail" }}
        />
        <div className="axis" aria-hidden="true">
          <span>{durationWords(windowMs)} ago</span>
          <span>{durationWords(windowMs / 2)} ago</span>
          <span>now</span>
        </div>
        <div className="story">
          <p>{story}</p>
          <Legend />
        </div>
      </div>
      <div className="detail-blocks">
        <Block title="Transport">
          <TransportFacts record={record} />
        </Block>
        <Block title="Ends">
          <EndsInFull record={record} />
        </Block>
        <Block title="Leases">
          <LeaseTable record={record} onAsk={onAsk} />
        </Block>
        <Block title="What happened">
          <Happenings record={record} />
        </Block>
      </div>
      <Actions record={record} onAsk={onAsk} />
    </section>
  );
}

function Block({
  title,
  children,
}: {
  readonly title: string;
  readonly children: ReactNode;
}): ReactElement {
  return (
    <section className="block" aria-label={title}>
      <h3>{title}</h3>
      {children}
    </section>
  );
}

const legend = [
  ["healthy", "healthy"],
  ["negotiating", "negotiating"],
  ["lingering", "lingering"],
  ["degraded", "degraded or stale"],
  ["lost", "lost"],
] as const;

function Legend(): ReactElement {
  return (
    <ul className="legend" aria-label="Colours of the bars">
      {legend.map(([phase, name]) => (
        <li key={phase}>
          <svg className="legend-swatch" aria-hidden="true">
            <rect className={`phase phase-${phase}`} width="100%" height="100%" rx="2" />
          </svg>
          {name}
        </li>
      ))}
      <li>
        <svg className="legend-swatch" aria-hidden="true">
          <rect className="mark-renewed" x="8" width="2" height="100%" />
        </svg>
        lease renewed
      </li>
    </ul>
  );
}

function TransportFacts({ record }: { readonly record: SessionRecord }): ReactElement {
  const nowMs = useNowMs();
  const { transport, transportAtMs } = record;
  const { negotiation, lingering } = transport;
  const sinceMs = nowMs - transportAtMs;
  const health = healthOf(transport);
  const confirmInMs = (msOf(negotiation?.confirmIn) ?? 0) - sinceMs;
  const willingInMs = (msOf(transport.nextNegotiationIn) ?? 0) - sinceMs;
  const evidenceMs = msOf(transport.evidenceAge);
  return (
    <dl className="facts">
      <Fact name="Path">
        {pathWords[pathOf(transport)]}
        {health !== undefined && `, ${phaseWords[health]}`}
      </Fact>
      <Fact name="Because">{reasonWords(record.because) || "–"}</Fact>
      <Fact name="Generation">
        <span className="mono">{transport.generation.toString()}</span>
      </Fact>
      <Fact name="Handshake">
        <span className="mono">{transport.handshakeId || "–"}</span>
      </Fact>
      <Fact name="Promoted">
        <Ago moment={transport.promotedAt} nowMs={nowMs} />
      </Fact>
      {evidenceMs !== undefined && (
        <Fact name="Evidence">{secondsWords(evidenceMs + sinceMs)} old</Fact>
      )}
      {negotiation !== undefined && (
        <Fact name="Negotiating">
          <span className="mono">{negotiation.handshakeId}</span>
          <span className="sub">{`attempt ${negotiation.attempt}, to be confirmed within ${secondsWords(confirmInMs)}`}</span>
        </Fact>
      )}
      {lingering !== undefined && (
        <Fact name="Lingering">
          <span className="mono">{lingering.handshakeId}</span>
        </Fact>
      )}
      {transport.nextNegotiationIn !== undefined && willingInMs > 0 && (
        <Fact name="Next handshake">not before {secondsWords(willingInMs)} have passed</Fact>
      )}
    </dl>
  );
}

function Fact({
  name,
  children,
}: {
  readonly name: string;
  readonly children: ReactNode;
}): ReactElement {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** A moment of the service, on the page's clock. */
function Ago({
  moment,
  nowMs,
}: {
  readonly moment: Timestamp | undefined;
  readonly nowMs: number;
}): ReactElement {
  const { store } = usePageParts();
  if (moment === undefined) return <>never</>;
  return <>{durationWords(nowMs - timestampMs(moment) + store.state().skewMs)} ago</>;
}

interface LeaseTableProps {
  readonly record: SessionRecord;
  readonly onAsk: (asked: Asked) => void;
}

function LeaseTable({ record, onAsk }: LeaseTableProps): ReactElement {
  const { follower } = usePageParts();
  const { leases, sessionId, transport } = record;
  if (leases === undefined) return <p className="muted">{`${transport.liveLeases} live.`}</p>;
  if (leases.length === 0) {
    return <p className="muted">Nobody holds one. A tile that acquires one is shown here.</p>;
  }
  return (
    <ul className="lease-table">
      {leases.map((lease) => (
        <li key={lease.leaseId}>
          <span className="lease-holder">{holderWords(lease)}</span>
          <Remaining lease={lease} />
          {follower.mayControl && (
            <button
              type="button"
              className="quiet"
              onClick={() => onAsk({ kind: "revoke", sessionId, lease })}
            >
              Revoke<span className="hidden-label"> the lease of {holderWords(lease)}</span>
            </button>
          )}
          <span className="sub">{`${count(lease.renewals, "renewal")} seen · epoch ${lease.epoch}`}</span>
        </li>
      ))}
    </ul>
  );
}

const happeningsShown = 8;

function Happenings({ record }: { readonly record: SessionRecord }): ReactElement {
  const nowMs = useNowMs();
  const latest = record.happenings.slice(-happeningsShown).reverse();
  if (latest.length === 0) {
    return <p className="muted">Nothing since this page was opened.</p>;
  }
  return (
    <ol className="happenings">
      {latest.map(({ atMs, change, reason, handshakeId }, index) => (
        <li key={`${atMs} ${change} ${String(latest.length - index)}`}>
          <span className="happening-time">{durationWords(nowMs - atMs)} ago</span>
          <span>
            {changeWord(change)}
            <span className="sub">
              {reasonWords(reason)}
              {handshakeId !== "" && <span className="mono"> {shortId(handshakeId)}</span>}
            </span>
          </span>
        </li>
      ))}
    </ol>
  );
}

function Actions({ record, onAsk }: LeaseTableProps): ReactElement {
  const { follower } = usePageParts();
  const { sessionId, gone } = record;
  const isAllowed = follower.mayControl && gone === undefined;
  return (
    <div className="actions">
      <button
        type="button"
        disabled={!isAllowed}
        onClick={() => onAsk({ kind: "renegotiate", sessionId })}
      >
        Renegotiate…
      </button>
      <button
        type="button"
        className="danger"
        disabled={!isAllowed}
        onClick={() => onAsk({ kind: "revoke", sessionId, lease: undefined })}
      >
        Revoke all leases…
      </button>
      {!follower.mayControl && (
        <span className="muted small">Your bearer has no pb:control.write: you can look.</span>
      )}
    </div>
  );
}
