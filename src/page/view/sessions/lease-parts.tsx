import type { ReactElement } from "react";

import type { LeaseView } from "../../model/leases.ts";
import { secondsWords } from "../../model/words.ts";
import { useNowMs } from "../page-context.ts";

/** Who holds a lease, and what for. */
export function holderWords({ accountId, reason }: LeaseView): string {
  const words = [accountId, reason].filter((word) => word !== "").join(" · ");
  return words === "" ? "no account" : words;
}

/** A lease that counts down: as a number, and as what is left of the most that was seen. */
export function Remaining({ lease }: { readonly lease: LeaseView }): ReactElement {
  const nowMs = useNowMs();
  const leftMs = Math.max(0, lease.expiresAtMs - nowMs);
  const share = lease.fullMs === 0 ? 0 : Math.min(1, leftMs / lease.fullMs) * 100;
  return (
    <span className="remaining" data-low={share < 25}>
      <svg className="remaining-bar" aria-hidden="true">
        <rect className="remaining-ground" width="100%" height="100%" rx="1.5" />
        <rect className="remaining-left" width={`${share}%`} height="100%" rx="1.5" />
      </svg>
      <span className="remaining-time">{leftMs === 0 ? "ending" : secondsWords(leftMs)}</span>
    </span>
  );
}
