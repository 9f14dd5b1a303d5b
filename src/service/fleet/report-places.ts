import { LRUCache } from "lru-cache";

import type { SessionId } from "../../core/ids.ts";
import type { Reporter, SessionRecord } from "../../core/session.ts";
import { noteReporter } from "../../core/transport/evolve-transport.ts";

/** A place matters for the few seconds until a later report of the same end is written. */
const sessionsMax = 20_000;

/**
 * The places in the order of reports that were not written to a shared store, since they brought no
 * news. This process knows them at once; other processes learn of them with the next report that is
 * written.
 */
export class ReportPlaces {
  readonly #taken = new LRUCache<SessionId, readonly Reporter[]>({ max: sessionsMax });

  keep(id: SessionId, record: SessionRecord | undefined): void {
    if (record?.kind === "attached") this.#taken.set(id, record.transport.reporters);
  }

  /** The record with the places that are taken beyond those in it. */
  within(id: SessionId, record: SessionRecord | undefined): SessionRecord | undefined {
    const taken = this.#taken.get(id);
    if (taken === undefined || record?.kind !== "attached") return record;
    const { transport } = record;
    const beyond = taken.filter((place) => !isIn(transport.reporters, place));
    if (beyond.length === 0) {
      this.#taken.delete(id);
      return record;
    }
    const reporters = beyond.reduce(noteReporter, transport.reporters);
    return { ...record, transport: { ...transport, reporters } };
  }
}

function isIn(reporters: readonly Reporter[], { end, id, sequence }: Reporter): boolean {
  return reporters.some(
    (known) => known.end === end && known.id === id && known.sequence >= sequence,
  );
}
