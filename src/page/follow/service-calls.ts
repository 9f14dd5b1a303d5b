import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { type Client, createClient, type Transport } from "@connectrpc/connect";

import {
  ControllerLease,
  HandshakeKind,
  RenegotiationReason,
} from "../../gen/beach/controller/v1/controller_lease_pb.js";
import {
  FastPathRegistry,
  type SessionSummary,
  type SummarizeFleetResponse,
} from "../../gen/beach/controller/v1/fast_path_registry_pb.js";
import type { BeachFound } from "../model/page-state.ts";

/** Which leases to end, and how long none takes their place. */
export interface Revocation {
  readonly sessionId: string;
  /** Empty for every lease of the session. */
  readonly leaseIds: readonly string[];
  /** 0: no hold, and those that are on are lifted. */
  readonly holdMs: number;
  readonly reason: string;
}

/** One call may take so long. */
const timeoutMs = 10_000;
/** As large as one answer may be. */
const pageSize = 1_000;
/** As many sessions as are looked through for the beaches that are in reach. */
const pagesLookedAt = 5;

/** The calls that the page makes, beside its watch. */
export class ServiceCalls {
  readonly #leases: Client<typeof ControllerLease>;
  readonly #registry: Client<typeof FastPathRegistry>;

  constructor(transport: Transport) {
    this.#leases = createClient(ControllerLease, transport);
    this.#registry = createClient(FastPathRegistry, transport);
  }

  /** Every session of a beach. */
  async list(privateBeachId: string): Promise<readonly SessionSummary[]> {
    const found: SessionSummary[] = [];
    for await (const page of this.#pages(privateBeachId)) found.push(...page);
    return found;
  }

  /** The beaches of the sessions in reach, by their name. */
  async beaches(): Promise<readonly BeachFound[]> {
    const counts = new Map<string, number>();
    let pages = 0;
    for await (const page of this.#pages("")) {
      for (const { privateBeachId } of page) {
        counts.set(privateBeachId, (counts.get(privateBeachId) ?? 0) + 1);
      }
      pages += 1;
      if (pages === pagesLookedAt) break;
    }
    return [...counts]
      .map(([privateBeachId, sessions]) => ({ privateBeachId, sessions }))
      .sort((a, b) => a.privateBeachId.localeCompare(b.privateBeachId));
  }

  summarize(privateBeachId: string): Promise<SummarizeFleetResponse> {
    return this.#registry.summarizeFleet({ privateBeachId }, { timeoutMs });
  }

  /** Returns what became of it, in words. */
  async renegotiate(sessionId: string): Promise<string> {
    const { OPERATOR: reason } = RenegotiationReason;
    const answer = await this.#leases.renegotiate({ sessionId, reason }, { timeoutMs });
    if (answer.handshakeKind === HandshakeKind.REFRESH) {
      return `No handshake was started on ${sessionId}: the service is not willing to now`;
    }
    return answer.joined
      ? `A handshake was in flight on ${sessionId} already`
      : `A handshake was started on ${sessionId}; the fast path stays until it is confirmed`;
  }

  /** Returns what became of it, in words. */
  async revoke({ sessionId, leaseIds, holdMs, reason }: Revocation): Promise<string> {
    const { revoked, unknown } = await this.#registry.revokeLeases(
      { sessionId, leaseIds: [...leaseIds], hold: durationFromMs(holdMs), reason },
      { timeoutMs },
    );
    const ended = revoked === 1 ? "1 lease was revoked" : `${revoked} leases were revoked`;
    return unknown > 0
      ? `${ended} on ${sessionId}; the session no longer knows ${unknown} of those named`
      : `${ended} on ${sessionId}`;
  }

  async *#pages(privateBeachId: string): AsyncIterable<readonly SessionSummary[]> {
    let pageToken = "";
    do {
      const request = { privateBeachId, pageSize, pageToken };
      const page = await this.#registry.listSessions(request, { timeoutMs });
      yield page.sessions;
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
  }
}
