import { type ReactElement, useId } from "react";

import type { Filter, Order, Selection } from "../model/selection.ts";

interface ToolbarProps {
  readonly counts: Readonly<Record<Filter, number>>;
  readonly selection: Selection;
  readonly onSelect: (selection: Selection) => void;
  /** How far back timelines are drawn. */
  readonly windowMs: number;
  readonly onWindow: (windowMs: number) => void;
}

const filters: readonly (readonly [Filter, string])[] = [
  ["all", "All"],
  ["fast_path", "Fast path"],
  ["http_fallback", "HTTP fallback"],
  ["unsteady", "Unsteady"],
  ["pending", "Pending"],
];

const windows: readonly (readonly [number, string])[] = [
  [60_000, "1 min"],
  [180_000, "3 min"],
  [900_000, "15 min"],
];

/** Which sessions are listed, in what order, and how far back their timelines go. */
export function Toolbar(props: ToolbarProps): ReactElement {
  const { counts, selection, onSelect, windowMs, onWindow } = props;
  const id = useId();
  return (
    <search className="toolbar">
      <div className="find">
        <label className="hidden-label" htmlFor={`${id}-find`}>
          Find a session or a holder
        </label>
        <input
          id={`${id}-find`}
          type="search"
          placeholder="Find a session or a holder"
          value={selection.text}
          onChange={(event) => onSelect({ ...selection, text: event.target.value })}
        />
      </div>
      <fieldset className="chips">
        <legend className="hidden-label">Show</legend>
        {filters.map(([filter, name]) => (
          <button
            key={filter}
            type="button"
            className="chip"
            data-filter={filter}
            aria-pressed={selection.filter === filter}
            onClick={() => onSelect({ ...selection, filter })}
          >
            {name} <span className="chip-count">{counts[filter].toLocaleString("en")}</span>
          </button>
        ))}
      </fieldset>
      <div className="choices">
        <label htmlFor={`${id}-order`}>Order</label>
        <select
          id={`${id}-order`}
          value={selection.order}
          onChange={(event) => onSelect({ ...selection, order: event.target.value as Order })}
        >
          <option value="name">by name</option>
          <option value="concern">trouble first</option>
          <option value="change">last change first</option>
        </select>
        <label htmlFor={`${id}-window`}>Timeline</label>
        <select
          id={`${id}-window`}
          value={windowMs}
          onChange={(event) => onWindow(Number(event.target.value))}
        >
          {windows.map(([ms, name]) => (
            <option key={ms} value={ms}>
              {name}
            </option>
          ))}
        </select>
      </div>
    </search>
  );
}
