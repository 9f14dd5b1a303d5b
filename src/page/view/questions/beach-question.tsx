import { type ReactElement, type SubmitEvent, useId, useState } from "react";

import type { BeachFound } from "../../model/page-state.ts";
import { count } from "../../model/words.ts";
import { usePageParts } from "../page-context.ts";

/** Several private beaches are in reach, or none has a session yet. */
export function BeachQuestion({
  beaches,
}: {
  readonly beaches: readonly BeachFound[];
}): ReactElement {
  const { follower } = usePageParts();
  const [text, setText] = useState("");
  const id = useId();
  const choose = (privateBeachId: string): void => {
    const url = new URL(location.href);
    url.searchParams.set("beach", privateBeachId);
    history.replaceState(undefined, "", url);
    follower.chooseBeach(privateBeachId);
  };
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    choose(text.trim());
  };
  const isNone = beaches.length === 0;
  return (
    <section className="question" aria-labelledby={`${id}-heading`}>
      <h2 id={`${id}-heading`}>{isNone ? "No sessions yet" : "Which private beach?"}</h2>
      <p>
        {isNone
          ? "As soon as a manager attaches a session, it is shown here; the page keeps looking. You can also name the private beach that you wait for."
          : "You reach several. The page follows one at a time."}
      </p>
      {!isNone && (
        <ul className="beaches">
          {beaches.map(({ privateBeachId, sessions }) => (
            <li key={privateBeachId}>
              <button type="button" onClick={() => choose(privateBeachId)}>
                <span className="mono">{privateBeachId}</span>
                <span className="muted">{count(sessions, "session")}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      <form onSubmit={submit}>
        <label htmlFor={id}>{isNone ? "Private beach" : "Another private beach"}</label>
        <div className="field-and-button">
          <input
            id={id}
            autoComplete="off"
            spellCheck={false}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          <button type="submit" className="primary" disabled={text.trim() === ""}>
            Follow it
          </button>
        </div>
      </form>
      {isNone && (
        <p className="muted small">
          To see the page at work, <code>npm run demo</code> runs a whole beach on this machine.
        </p>
      )}
    </section>
  );
}
