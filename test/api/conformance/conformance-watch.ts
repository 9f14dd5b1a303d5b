import { durationMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";

import type { WatchTransportResponse } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import {
  ConnectionState,
  TransportEnd,
  TransportPath,
  type TransportState,
} from "../../../src/gen/beach/controller/v1/transport_pb.js";
import { takeUntil } from "../expect-refusal.ts";
import {
  allChannels,
  beach,
  type ConformanceSubject,
  freshId,
  leased,
  live,
  ofPromotion,
  sessionOf,
  transportOf,
} from "./conformance-subject.ts";

type Messages = readonly WatchTransportResponse[];

export function watchCases(subject: () => ConformanceSubject): void {
  describe("WatchTransport", () => {
    test("sends the state at once, then a bookmark with its interval", async () => {
      const held = await live(subject());
      const seen = await takeUntil(
        subject().clients.lease.watchTransport({ sessionIds: [sessionOf(held)] }),
        hasBookmark,
      );
      expect(seen.map(({ event }) => event.case)).toEqual(["state", "bookmark"]);
      const [state] = statesIn(seen);
      expect(state).toMatchObject({
        path: TransportPath.FAST_PATH,
        generation: ofPromotion,
        handshakeId: held.offer?.handshakeId,
        ends: [
          {
            end: TransportEnd.MANAGER,
            transportId: "peer-1",
            connection: ConnectionState.CONNECTED,
            readyChannels: allChannels,
          },
        ],
        lastChangeReason: "confirmed",
      });
      expect(state?.promotedAt).toBeDefined();
      expect(state?.evidenceAge).toBeDefined();
      const bookmark = seen[1]?.event;
      const repeats = bookmark?.case === "bookmark" ? bookmark.value.repeatsEvery : undefined;
      expect(repeats === undefined ? 0 : durationMs(repeats)).toBeGreaterThan(0);
    });

    test("shows each change as it happens, with rising versions", async () => {
      const held = await leased(subject());
      const sessionId = sessionOf(held);
      let released = false;
      const seen = await takeUntil(
        subject().clients.lease.watchTransport({ sessionIds: [sessionId] }),
        (messages) => {
          if (!released && hasBookmark(messages)) {
            released = true;
            const { controllerToken } = held;
            void subject().internal.lease.release({ sessionId, controllerToken });
          }
          return statesIn(messages).at(-1)?.liveLeases === 0;
        },
      );
      const versions = statesIn(seen).map(({ version }) => version);
      expect(versions.length).toBeGreaterThanOrEqual(2);
      expect([...versions].sort((a, b) => Number(a - b))).toEqual(versions);
    });

    test("says that a session is not known, and shows it once it is attached", async () => {
      const sessionId = freshId();
      let attached = false;
      const seen = await takeUntil(
        subject().clients.lease.watchTransport({ sessionIds: [sessionId] }),
        (messages) => {
          if (!attached && hasBookmark(messages)) {
            attached = true;
            const named = { sessionId, privateBeachId: beach };
            void subject().internal.registry.attachSession(named);
          }
          return statesIn(messages).length === 1;
        },
      );
      expect(seen[0]?.event).toMatchObject({
        case: "gone",
        value: { sessionId, reason: "unknown" },
      });
    });

    test("sends only a bookmark to a reader that has everything", async () => {
      const held = await live(subject());
      const sessionId = sessionOf(held);
      const version = (await transportOf(subject(), sessionId))?.version ?? 0n;
      const seen = await takeUntil(
        subject().clients.lease.watchTransport({
          sessionIds: [sessionId],
          knownVersions: { [sessionId]: version },
        }),
        hasBookmark,
      );
      expect(seen.map(({ event }) => event.case)).toEqual(["bookmark"]);
    });

    test("of a private beach shows every session of it", async () => {
      const held = await leased(subject());
      const seen = await takeUntil(
        subject().clients.lease.watchTransport({ privateBeachId: beach }),
        hasBookmark,
      );
      expect(statesIn(seen).map((state) => state.sessionId)).toContain(sessionOf(held));
    });

    test("by the host makes offers count as delivered to it", async () => {
      const sessionId = freshId();
      await subject().internal.registry.attachSession({ sessionId, privateBeachId: beach });
      let acquired: Promise<boolean | undefined> | undefined;
      await takeUntil(
        subject().clients.lease.watchTransport({
          sessionIds: [sessionId],
          reader: TransportEnd.HOST,
        }),
        (messages) => {
          if (acquired === undefined && hasBookmark(messages)) {
            acquired = subject()
              .internal.lease.acquire({ sessionId })
              .then(({ offer }) => offer?.deliveredByServer);
          }
          return statesIn(messages).at(-1)?.negotiation !== undefined;
        },
      );
      expect(await acquired).toBe(true);
    });
  });
}

function hasBookmark(messages: Messages): boolean {
  return messages.some(({ event }) => event.case === "bookmark");
}

function statesIn(messages: Messages): readonly TransportState[] {
  return messages.flatMap(({ event }) => (event.case === "state" ? [event.value] : []));
}
