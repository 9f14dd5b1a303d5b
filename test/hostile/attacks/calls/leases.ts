import { durationFromMs } from "@bufbuild/protobuf/wkt";

import {
  AcquireRequestSchema,
  RenegotiateRequestSchema,
  RenegotiationReason,
} from "../../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import {
  AttachSessionRequestSchema,
  DetachSessionRequestSchema,
  RevokeLeasesRequestSchema,
} from "../../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import type { Attack } from "../../attack.ts";
import { atOnce, pause, untilOver } from "../../tools/at-once.ts";
import { grpcCaller } from "../../tools/grpc-caller.ts";
import { bytesOf, pathOf } from "../../tools/messages.ts";
import { acquire, attackedBeach, sessionNamed } from "../../tools/sessions.ts";

const right = "each is bounded for itself, and others have their turn between them";
const keeps = { outcome: "attached", bytesEach: 40_000 } as const;

export const manyLeases: Attack = {
  name: "many-leases",
  sends: "64 leases on each of 200 sessions, and a 65th, again and again",
  right,
  form: "long",
  needs: { outcome: "grpc 0", times: 300 },
  attaches: 200,
  refusedAs: ["TOO_MANY"],
  keeps,
  async run({ addresses, outcomes, signal }) {
    using caller = await grpcCaller(addresses.grpc, outcomes);
    await untilOver(200, signal, (index) =>
      acquire(caller, sessionNamed(Math.floor(index / 66) % 200), `reason-${index % 66}`),
    );
  },
};

export const massExpiry: Attack = {
  name: "mass-expiry",
  sends: "12,800 leases of the least ttl, acquired at once, that end together",
  right: "what is due is worked off in parts",
  form: "full",
  attaches: 200,
  secondsMin: 9,
  keeps,
  async run({ addresses, outcomes, signal }) {
    using caller = await grpcCaller(addresses.grpc, outcomes);
    await atOnce(500, 12_800, signal, (index) => {
      const sessionId = sessionNamed(index % 200);
      const ttl = durationFromMs(1);
      const request = { sessionId, reason: `reason-${Math.floor(index / 200)}`, ttl };
      return caller.unary(pathOf("acquire"), bytesOf(AcquireRequestSchema, request));
    });
    // The least ttl, and what it is spread by.
    await pause(7_000, signal);
  },
};

export const revokeStorm: Attack = {
  name: "revoke-storm",
  sends: "leases acquired and revoked without pause on 50 sessions, by name and whole",
  right,
  form: "full",
  attaches: 50,
  keeps,
  async run({ addresses, outcomes, signal }) {
    using caller = await grpcCaller(addresses.grpc, outcomes);
    await untilOver(50, signal, async (index) => {
      const sessionId = sessionNamed(index % 50);
      const lease = await acquire(caller, sessionId, `reason-${index}`);
      const request = {
        sessionId,
        leaseIds: lease === undefined ? ["a", "b"] : [lease.leaseId],
        hold: durationFromMs(86_400_000),
      };
      await caller.unary(pathOf("revokeLeases"), bytesOf(RevokeLeasesRequestSchema, request));
    });
  },
};

export const renegotiations: Attack = {
  name: "renegotiations",
  sends: "Renegotiate as an operator, 10,000 times on each of 5 sessions, and on new managers",
  right,
  form: "long",
  attaches: 5,
  keeps,
  async run({ addresses, outcomes, signal }) {
    using caller = await grpcCaller(addresses.grpc, outcomes);
    await atOnce(100, 50_000, signal, async (index) => {
      const sessionId = sessionNamed(index % 5);
      const request = { sessionId, reason: RenegotiationReason.OPERATOR };
      await caller.unary(pathOf("renegotiate"), bytesOf(RenegotiateRequestSchema, request));
      if (index % 100 > 0) return;
      const managerUrl = `http://127.0.0.1/${"m".repeat(900)}${index}`;
      const attach = { sessionId, privateBeachId: attackedBeach, managerUrl };
      await caller.unary(pathOf("attachSession"), bytesOf(AttachSessionRequestSchema, attach));
    });
  },
};

export const attachAndDetach: Attack = {
  name: "attach-and-detach",
  sends: "sessions attached and detached, each under a new id, 200 at once",
  right: "what is left of a session is bounded too",
  form: "long",
  keeps: { outcome: "grpc 0", bytesEach: 2_000 },
  async run({ addresses, outcomes, signal }) {
    using caller = await grpcCaller(addresses.grpc, outcomes);
    await untilOver(200, signal, async (index) => {
      const sessionId = `passing-${index}`;
      const attach = { sessionId, privateBeachId: "passing-beach" };
      await caller.unary(pathOf("attachSession"), bytesOf(AttachSessionRequestSchema, attach));
      const detach = bytesOf(DetachSessionRequestSchema, { sessionId });
      await caller.unary(pathOf("detachSession"), detach);
    });
  },
};
