import type { ReactElement } from "react";

import type { PageState } from "../model/page-state.ts";
import { usePageParts } from "./page-context.ts";

const connectionWords = {
  connecting: "Connecting",
  live: "Live",
  lost: "Disconnected",
} as const;

/** Which service and beach this is, whether it is live, and as whom it is looked at. */
export function PageHeader({ state }: { readonly state: PageState }): ReactElement {
  const { follower } = usePageParts();
  const { connection, privateBeachId, question } = state;
  const isAsking = question !== undefined && connection === "connecting";
  return (
    <header className="page-header">
      <div className="brand">
        <svg className="brand-mark" viewBox="0 0 22 16" aria-hidden="true">
          <rect className="brand-old" x="0" y="1" width="14" height="6" rx="3" />
          <rect className="brand-new" x="8" y="9" width="14" height="6" rx="3" />
        </svg>
        <h1>Controller leases</h1>
      </div>
      {privateBeachId !== undefined && (
        <div className="beach">
          <span className="hidden-label">Private beach: </span>
          <span className="mono beach-name">{privateBeachId}</span>
          <button type="button" className="quiet" onClick={() => follower.chooseBeach(undefined)}>
            Change<span className="hidden-label"> the private beach</span>
          </button>
        </div>
      )}
      <div className="header-end">
        {follower.hasBearer && (
          <button type="button" className="quiet" onClick={() => follower.forgetBearer()}>
            Forget bearer
          </button>
        )}
        <span className="connection" data-connection={connection} role="status">
          {!isAsking && <span className="dot" aria-hidden="true" />}
          {!isAsking && connectionWords[connection]}
        </span>
      </div>
    </header>
  );
}
