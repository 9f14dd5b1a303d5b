import type { ReactElement } from "react";

import {
  ConnectionState,
  type EndView,
  TransportEnd,
} from "../../../gen/beach/controller/v1/transport_pb.js";
import { msOf } from "../../model/moments.ts";
import type { SessionRecord } from "../../model/session-record.ts";
import { connectionWord, count, endWord, secondsWords } from "../../model/words.ts";
import { useNowMs } from "../page-context.ts";

const bothEnds = [TransportEnd.MANAGER, TransportEnd.HOST] as const;

/** Both ends in a line each: how the connection is, and how old that word is. */
export function EndsInShort({ record }: { readonly record: SessionRecord }): ReactElement {
  return (
    <ul className="ends-short">
      {bothEnds.map((end) => {
        const view = viewOf(record, end);
        return (
          <li key={end} data-connection={connectionOf(view)}>
            <span className="dot" aria-hidden="true" />
            <span className="end-name">{endWord(end)}</span>
            {view === undefined ? (
              <span className="muted">silent</span>
            ) : (
              <>
                <span className="end-connection">{connectionWord(view.connection)}</span>
                <Age view={view} atMs={record.transportAtMs} />
              </>
            )}
          </li>
        );
      })}
    </ul>
  );
}

/** Both ends with everything that they said. */
export function EndsInFull({ record }: { readonly record: SessionRecord }): ReactElement {
  return (
    <div className="ends-full">
      {bothEnds.map((end) => {
        const view = viewOf(record, end);
        return (
          <dl key={end} className="facts" aria-label={endWord(end)}>
            <div>
              <dt>{endWord(end)}</dt>
              <dd className="end-state" data-connection={connectionOf(view)}>
                <span className="dot" aria-hidden="true" />
                {view === undefined ? "has not reported" : connectionWord(view.connection)}
              </dd>
            </div>
            {view !== undefined && (
              <>
                <div>
                  <dt>Channels ready</dt>
                  <dd>
                    {count(view.readyChannels.length, "channel")}
                    <span className="sub mono">{view.readyChannels.join(" ")}</span>
                  </dd>
                </div>
                <div>
                  <dt>Connection</dt>
                  <dd className="mono">{view.transportId === "" ? "–" : view.transportId}</dd>
                </div>
                <div>
                  <dt>Last word</dt>
                  <dd>
                    <Age view={view} atMs={record.transportAtMs} /> ago
                  </dd>
                </div>
              </>
            )}
          </dl>
        );
      })}
    </div>
  );
}

function Age({ view, atMs }: { readonly view: EndView; readonly atMs: number }): ReactElement {
  const nowMs = useNowMs();
  const ageMs = (msOf(view.age) ?? 0) + Math.max(0, nowMs - atMs);
  return <span className="age">{secondsWords(ageMs)}</span>;
}

function viewOf({ transport }: SessionRecord, wanted: TransportEnd): EndView | undefined {
  return transport.ends.find(({ end }) => end === wanted);
}

function connectionOf(view: EndView | undefined): "up" | "shaky" | "down" | "none" {
  switch (view?.connection) {
    case ConnectionState.CONNECTED:
      return "up";
    case ConnectionState.FAILED:
    case ConnectionState.CLOSED:
      return "down";
    case ConnectionState.CONNECTING:
    case ConnectionState.DISCONNECTED:
      return "shaky";
    default:
      return "none";
  }
}
