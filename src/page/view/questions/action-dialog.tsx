import { type ReactElement, type SubmitEvent, useEffect, useId, useRef, useState } from "react";

import { callFailure } from "../../../client/index.ts";
import type { LeaseView } from "../../model/leases.ts";
import { usePageParts } from "../page-context.ts";
import { holderWords } from "../sessions/lease-parts.tsx";

/** What somebody is about to do, and has to confirm. */
export type Asked =
  | { readonly kind: "renegotiate"; readonly sessionId: string }
  | {
      readonly kind: "revoke";
      readonly sessionId: string;
      /** Undefined: every lease of the session. */
      readonly lease: LeaseView | undefined;
    };

interface ActionDialogProps {
  readonly asked: Asked;
  readonly onClose: () => void;
  /** What became of it, in words. */
  readonly onDone: (outcome: string) => void;
}

const holds: readonly (readonly [number, string])[] = [
  [0, "no hold: it may be acquired again at once"],
  [60_000, "1 minute"],
  [600_000, "10 minutes"],
  [3_600_000, "1 hour"],
  [86_400_000, "24 hours"],
];
const holdMsDefault = 60_000;
const reasonLengthMax = 64;

/** Asks whether it is meant, says what it does, and stays open when it was refused. */
export function ActionDialog({ asked, onClose, onDone }: ActionDialogProps): ReactElement {
  const { follower } = usePageParts();
  const dialog = useRef<HTMLDialogElement>(null);
  const [holdMs, setHoldMs] = useState(holdMsDefault);
  const [reason, setReason] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [fault, setFault] = useState("");
  const id = useId();
  useEffect(() => dialog.current?.showModal(), []);

  const act = async (): Promise<string> => {
    const { sessionId } = asked;
    if (asked.kind === "renegotiate") return await follower.renegotiate(sessionId);
    const leaseIds = asked.lease === undefined ? [] : [asked.lease.leaseId];
    return await follower.revoke({ sessionId, leaseIds, holdMs, reason });
  };
  const confirm = (event: SubmitEvent): void => {
    event.preventDefault();
    setBusy(true);
    setFault("");
    act()
      .then((outcome) => {
        onDone(outcome);
        dialog.current?.close();
      })
      .catch((error: unknown) => {
        const failure = callFailure(error);
        setFault(`${failure.message} (${failure.reason})`);
        setBusy(false);
      });
  };

  return (
    <dialog ref={dialog} aria-labelledby={`${id}-title`} onClose={onClose}>
      <form onSubmit={confirm}>
        <h2 id={`${id}-title`}>{titleOf(asked)}</h2>
        <p>{consequenceOf(asked)}</p>
        {asked.kind === "revoke" && (
          <>
            <label htmlFor={`${id}-hold`}>Hold</label>
            <select
              id={`${id}-hold`}
              value={holdMs}
              onChange={(event) => setHoldMs(Number(event.target.value))}
            >
              {holds.map(([ms, name]) => (
                <option key={ms} value={ms}>
                  {name}
                </option>
              ))}
            </select>
            <label htmlFor={`${id}-reason`}>Reason, for the record (may be empty)</label>
            <input
              id={`${id}-reason`}
              maxLength={reasonLengthMax}
              autoComplete="off"
              value={reason}
              onChange={(event) => setReason(event.target.value)}
            />
          </>
        )}
        <p className="fault" role="alert">
          {fault}
        </p>
        <div className="dialog-buttons">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button
            type="submit"
            className={asked.kind === "revoke" ? "danger" : "primary"}
            disabled={isBusy}
          >
            {asked.kind === "revoke" ? "Revoke" : "Renegotiate"}
          </button>
        </div>
      </form>
    </dialog>
  );
}

function titleOf(asked: Asked): string {
  if (asked.kind === "renegotiate") return `Renegotiate ${asked.sessionId}?`;
  return asked.lease === undefined
    ? `Revoke every lease of ${asked.sessionId}?`
    : `Revoke the lease of ${holderWords(asked.lease)}?`;
}

function consequenceOf(asked: Asked): string {
  if (asked.kind === "renegotiate") {
    return "A new handshake is negotiated beside the current fast path, which carries actions until the new one is confirmed. If that fails, the current one stays.";
  }
  return "Its holder can send no more actions from now on. The fast path is left as it is. During the hold nobody takes the lease anew.";
}
