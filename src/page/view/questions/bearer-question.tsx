import { type ReactElement, type SubmitEvent, useId, useState } from "react";

import { claimsOf, tidied } from "../../model/bearer.ts";
import type { Question } from "../../model/page-state.ts";
import { usePageParts } from "../page-context.ts";

type Why = (Question & { readonly kind: "bearer" })["why"];

const words: Readonly<Record<Why, readonly [title: string, text: string]>> = {
  missing: [
    "Who is looking?",
    "This service takes bearers. Paste one with the scope pb:sessions.read; with pb:control.write it can renegotiate and revoke, too.",
  ],
  rejected: [
    "Your bearer is no longer taken",
    "It has ended, or the service does not know who signed it. Paste another to go on where the page is.",
  ],
  scope_missing: [
    "Your bearer may not look",
    "It lacks the scope pb:sessions.read. Paste one that has it.",
  ],
};

/** The service takes bearers, and the page has none that does. */
export function BearerQuestion({ why }: { readonly why: Why }): ReactElement {
  const headingId = useId();
  const [title, text] = words[why];
  return (
    <section className="question" aria-labelledby={headingId}>
      <h2 id={headingId}>{title}</h2>
      <p role={why === "missing" ? undefined : "alert"}>{text}</p>
      <BearerForm label="Bearer" action="Show the sessions" />
      <p className="muted small">
        It stays in this tab, until you close it. To try the page, <code>npm run keys</code> makes
        bearers: paste <code>keys/person.jwt</code>.
      </p>
    </section>
  );
}

interface BearerFormProps {
  readonly label: string;
  readonly action: string;
}

export function BearerForm({ label, action }: BearerFormProps): ReactElement {
  const { follower } = usePageParts();
  const [text, setText] = useState("");
  const [fault, setFault] = useState("");
  const id = useId();
  const give = (event: SubmitEvent): void => {
    event.preventDefault();
    if (claimsOf(tidied(text)) === undefined) {
      setFault("This is no bearer: it has three parts with dots between them (a JWT).");
      return;
    }
    setText("");
    follower.giveBearer(text);
  };
  return (
    <form className="bearer-form" onSubmit={give}>
      <label htmlFor={id}>{label}</label>
      <div className="field-and-button">
        <input
          id={id}
          type="password"
          autoComplete="off"
          spellCheck={false}
          placeholder="eyJ…"
          value={text}
          aria-invalid={fault !== ""}
          aria-describedby={`${id}-fault`}
          onChange={(event) => {
            setText(event.target.value);
            setFault("");
          }}
        />
        <button type="submit" className="primary" disabled={text.trim() === ""}>
          {action}
        </button>
      </div>
      <p id={`${id}-fault`} className="fault" role="alert">
        {fault}
      </p>
    </form>
  );
}
