import type { ReactElement } from "react";

/** Hatching that the charts fill with: what is being negotiated, and what the page did not see. */
export function Patterns(): ReactElement {
  return (
    <svg className="patterns" width="0" height="0" aria-hidden="true">
      <defs>
        <pattern
          id="hatch-negotiating"
          width="7"
          height="7"
          patternUnits="userSpaceOnUse"
          patternTransform="rotate(45)"
        >
          <rect className="hatch-ground" width="7" height="7" />
          <rect className="hatch-line" width="3" height="7" />
        </pattern>
        <pattern
          id="hatch-unseen"
          width="6"
          height="6"
          patternUnits="userSpaceOnUse"
          patternTransform="rotate(-45)"
        >
          <rect className="unseen-line" width="1" height="6" />
        </pattern>
      </defs>
    </svg>
  );
}
