import { useWindowVirtualizer } from "@tanstack/react-virtual";
import {
  type KeyboardEvent,
  type ReactElement,
  useCallback,
  useLayoutEffect,
  useRef,
  useState,
} from "react";

import type { Connection, UnseenSpan } from "../../model/page-state.ts";
import type { SessionRecord } from "../../model/session-record.ts";
import type { Asked } from "../questions/action-dialog.tsx";
import { SessionItem } from "./session-item.tsx";

interface SessionListProps {
  readonly records: readonly SessionRecord[];
  /** How many there are without the selection. */
  readonly total: number;
  readonly connection: Connection;
  readonly unseen: readonly UnseenSpan[];
  readonly windowMs: number;
  readonly onAsk: (asked: Asked) => void;
  readonly onShowAll: () => void;
}

/** Pixels of a closed row, until it has been measured. */
const rowHeight = 64;
/** Rows that are kept above and below of what is seen. */
const overscan = 4;

/** The sessions. Only those that are seen are in the document, however many there are. */
export function SessionList(props: SessionListProps): ReactElement {
  const { records, total, connection, unseen, windowMs, onAsk, onShowAll } = props;
  const list = useRef<HTMLUListElement>(null);
  const [top, setTop] = useState(0);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const virtualizer = useWindowVirtualizer({
    count: records.length,
    estimateSize: () => rowHeight,
    getItemKey: (index) => records[index]?.sessionId ?? index,
    overscan,
    scrollMargin: top,
  });
  useLayoutEffect(() => {
    const offset = list.current?.offsetTop ?? 0;
    if (offset !== top) setTop(offset);
  });
  const toggle = useCallback((sessionId: string) => {
    setOpen((before) => {
      const after = new Set(before);
      if (!after.delete(sessionId)) after.add(sessionId);
      return after;
    });
  }, []);
  const walk = (event: KeyboardEvent): void => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const from = indexOf(event.target);
    if (by === undefined || from === undefined || records[from + by] === undefined) return;
    event.preventDefault();
    virtualizer.scrollToIndex(from + by);
    requestAnimationFrame(() => buttonAt(list.current, from + by)?.focus());
  };

  return (
    <section id="sessions" className="sessions" aria-label="Sessions" tabIndex={-1}>
      <ColumnNames windowMs={windowMs} />
      {records.length === 0 && (
        <Nothing total={total} connection={connection} onShowAll={onShowAll} />
      )}
      <ul
        ref={list}
        className="session-list"
        style={{ height: virtualizer.getTotalSize() }}
        onKeyDown={walk}
      >
        {virtualizer.getVirtualItems().map(({ index, start }) => {
          const record = records[index];
          return record === undefined ? null : (
            <li
              key={record.sessionId}
              ref={virtualizer.measureElement}
              data-index={index}
              className="session"
              style={{ transform: `translateY(${start - top}px)` }}
              aria-setsize={records.length}
              aria-posinset={index + 1}
            >
              <SessionItem
                record={record}
                unseen={unseen}
                windowMs={windowMs}
                isOpen={open.has(record.sessionId)}
                onToggle={toggle}
                onAsk={onAsk}
              />
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function ColumnNames({ windowMs }: { readonly windowMs: number }): ReactElement {
  return (
    <div className="session-grid column-names" aria-hidden="true">
      <span>Session</span>
      <span>Path</span>
      <span>Ends</span>
      <span>Leases</span>
      <span>Renewals / handshakes</span>
      <span>Last {windowMs / 60_000} min</span>
    </div>
  );
}

interface NothingProps {
  readonly total: number;
  readonly connection: Connection;
  readonly onShowAll: () => void;
}

function Nothing({ total, connection, onShowAll }: NothingProps): ReactElement {
  if (total > 0) {
    return (
      <div className="nothing">
        <p>No session is like that now. {total.toLocaleString("en")} are hidden.</p>
        <button type="button" onClick={onShowAll}>
          Show all
        </button>
      </div>
    );
  }
  return (
    <div className="nothing">
      {connection === "live" ? (
        <>
          <p>This private beach has no sessions.</p>
          <p className="muted">
            As soon as a manager attaches one (AttachSession), it is shown here.
          </p>
        </>
      ) : (
        <p>Waiting for the service…</p>
      )}
    </div>
  );
}

function indexOf(target: EventTarget): number | undefined {
  const item = target instanceof Element ? target.closest<HTMLElement>("[data-index]") : null;
  const isRow = target instanceof Element && target.matches(".session-name");
  return item === null || !isRow ? undefined : Number(item.dataset.index);
}

function buttonAt(list: HTMLElement | null, index: number): HTMLElement | null | undefined {
  return list?.querySelector<HTMLElement>(`[data-index="${index}"] .session-name`);
}
