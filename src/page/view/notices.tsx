import { type ReactElement, useState } from "react";

import type { PageState } from "../model/page-state.ts";
import { durationWords, secondsWords } from "../model/words.ts";
import { useNowMs, usePageParts } from "./page-context.ts";
import { BearerForm } from "./questions/bearer-question.tsx";

/** A break that is over before anyone could read of it is not shown. */
const briefMs = 1_200;

/** The words of a service that answers. Those of a browser that reached none say nothing more. */
const isRefusal = /^[A-Z_]+$/;

interface NoticesProps {
  readonly state: PageState;
  /** What became of the last action; empty for none. */
  readonly outcome: string;
  readonly onRead: () => void;
}

/** What is not as it should be, and what an action came to. Each says what can be done. */
export function Notices({ state, outcome, onRead }: NoticesProps): ReactElement {
  const isAskedForBearer = state.question?.kind === "bearer";
  return (
    <div className="notices">
      {state.connection === "lost" && !isAskedForBearer && <Lost state={state} />}
      {state.connection !== "lost" && !isAskedForBearer && <Older state={state} />}
      {state.bearerEndsAtMs !== undefined && !isAskedForBearer && (
        <BearerEnds endsAtMs={state.bearerEndsAtMs} />
      )}
      <output className={outcome === "" ? "outcome empty" : "notice outcome"}>
        {outcome !== "" && (
          <>
            <span>{outcome}</span>
            <button type="button" className="quiet" onClick={onRead}>
              Dismiss
            </button>
          </>
        )}
      </output>
    </div>
  );
}

function Lost({ state }: { readonly state: PageState }): ReactElement | null {
  const nowMs = useNowMs();
  const { follower } = usePageParts();
  const sinceMs = nowMs - state.connectionSinceMs;
  if (sinceMs < briefMs) return null;
  const { trouble } = state;
  return (
    <div className="notice lost">
      <p>
        <strong role="alert">Disconnected. </strong>
        What you see is the last word, from {secondsWords(sinceMs)} ago. Fast paths go on without
        this page, and it comes back by itself.
        {trouble !== undefined && isRefusal.test(trouble.reason) && (
          <span className="muted"> {trouble.message}</span>
        )}
      </p>
      <button type="button" onClick={() => follower.retry()}>
        Try now
      </button>
    </div>
  );
}

function Older({
  state: { trouble, connection },
}: {
  readonly state: PageState;
}): ReactElement | null {
  const { follower } = usePageParts();
  if (trouble === undefined) return null;
  const what =
    connection === "live"
      ? "Paths are live; leases and figures are older than they look. "
      : "The service has not answered yet. ";
  return (
    <div className="notice">
      <p>
        {what}It is asked again by itself.{" "}
        <span className="muted">{`${trouble.message} (${trouble.reason})`}</span>
      </p>
      <button type="button" onClick={() => follower.retry()}>
        Try now
      </button>
    </div>
  );
}

/** The stream goes on with the old bearer until that ends, so that there is time to find another. */
function BearerEnds({ endsAtMs }: { readonly endsAtMs: number }): ReactElement {
  const nowMs = useNowMs();
  const [isOpen, setOpen] = useState(false);
  return (
    <div className="notice bearer-ends">
      <p>
        <strong role="alert">Your bearer ends soon. </strong>
        In {durationWords(Math.ceil((endsAtMs - nowMs) / 1000) * 1000)} the page stops receiving
        changes, unless you give it another.
      </p>
      {isOpen ? (
        <BearerForm label="New bearer" action="Use it" />
      ) : (
        <button type="button" onClick={() => setOpen(true)}>
          Give a new bearer
        </button>
      )}
    </div>
  );
}
