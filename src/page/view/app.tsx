import { type ReactElement, useCallback, useMemo, useState } from "react";

import { countFor, everything, type Selection, select } from "../model/selection.ts";
import { FleetFigures } from "./fleet-figures.tsx";
import { Notices } from "./notices.tsx";
import { usePageState } from "./page-context.ts";
import { PageHeader } from "./page-header.tsx";
import { Patterns } from "./patterns.tsx";
import { ActionDialog, type Asked } from "./questions/action-dialog.tsx";
import { BeachQuestion } from "./questions/beach-question.tsx";
import { BearerQuestion } from "./questions/bearer-question.tsx";
import { SessionList } from "./sessions/session-list.tsx";
import { Toolbar } from "./toolbar.tsx";

/** The whole page: what is known of the service, and what is asked of whoever looks at it. */
export function App(): ReactElement {
  const state = usePageState();
  const [selection, setSelection] = useState<Selection>(everything);
  const [windowMs, setWindowMs] = useState(180_000);
  const [asked, setAsked] = useState<Asked | undefined>(undefined);
  const [outcome, setOutcome] = useState("");
  const counts = useMemo(() => countFor(state.sessions), [state.sessions]);
  const selected = useMemo(() => select(state.sessions, selection), [state.sessions, selection]);
  const endAsking = useCallback(() => setAsked(undefined), []);
  const { question } = state;
  const isFollowing = state.privateBeachId !== undefined && question?.kind !== "beach";
  const needsBearer = question?.kind === "bearer";

  return (
    <>
      <a className="skip" href="#sessions">
        Skip to the sessions
      </a>
      <Patterns />
      <PageHeader state={state} />
      <main data-connection={state.connection}>
        <Notices state={state} outcome={outcome} onRead={() => setOutcome("")} />
        {needsBearer && <BearerQuestion why={question.why} />}
        {question?.kind === "beach" && <BeachQuestion beaches={question.beaches} />}
        {isFollowing && !(needsBearer && state.sessions.size === 0) && (
          <>
            <FleetFigures fleet={state.fleet} />
            <Toolbar
              counts={counts}
              selection={selection}
              onSelect={setSelection}
              windowMs={windowMs}
              onWindow={setWindowMs}
            />
            <SessionList
              records={selected}
              total={counts.all}
              connection={state.connection}
              unseen={state.unseen}
              windowMs={windowMs}
              onAsk={setAsked}
              onShowAll={() => setSelection(everything)}
            />
          </>
        )}
      </main>
      {asked !== undefined && (
        <ActionDialog asked={asked} onClose={endAsking} onDone={setOutcome} />
      )}
    </>
  );
}
