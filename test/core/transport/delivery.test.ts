import { describe, expect, test } from "vitest";

import { pendingDeliveryOf } from "../../../src/core/view.ts";
import { type Check, given, type Step } from "../given.ts";
import {
  event,
  happened,
  nextDeadlineAt,
  nothingHappened,
  sessionOf,
  versionKept,
} from "../outcomes.ts";
import {
  absent,
  acquired,
  attached,
  incarnationChanged,
  later,
  manager,
  onFastPath,
  policy,
  ready,
  released,
  renegotiated,
  renewed,
  wait,
} from "../steps.ts";

/** Handshakes are brought to hosts that do not watch. */
const brought: Step = (world) => {
  world.deliversHandshakes = true;
};

function hostWatches(is = true): Step {
  return (world) => {
    world.hostWatches = is;
  };
}

/** The message about handshake `which` was taken. */
function taken(which?: number): Step {
  return (world) => {
    world.run({ kind: "ConfirmDelivery", handshakeId: world.handshake(which) });
  };
}

/** The handshake in flight is sent now, for the n-th time, with the token of the named lease. */
function sent(tries: number, name: string | undefined): Check {
  return (world) => {
    const leaseId = name === undefined ? undefined : world.leases.get(name);
    const handshakeId = world.handshake();
    event({ kind: "DeliveryDue", handshakeId, tries, leaseId })(world);
  };
}

const notPending: Check = (world) => {
  expect(pendingDeliveryOf(sessionOf(world).transport.path)).toBeUndefined();
};

describe("a handshake whose host does not watch", () => {
  test("is sent when it starts, and again later and later until it is delivered", () => {
    given(brought, attached(), policy({ backoffSpread: 0, negotiationTimeoutMs: 20_000 }))
      .when(acquired("tile", { ttlMs: 300_000 }))
      .expect(
        happened("LeaseGranted", "HandshakeStarted", "DeliveryDue"),
        sent(1, "tile"),
        nextDeadlineAt(1_000),
      )
      .when(later(999))
      .expect(nothingHappened)
      .when(later(1))
      .expect(happened("DeliveryDue"), sent(2, "tile"), nextDeadlineAt(3_000), versionKept)
      .when(later(2_000))
      .expect(sent(3, "tile"), nextDeadlineAt(7_000))
      .when(taken())
      .expect(event({ kind: "HandshakeDelivered", by: "message" }), versionKept, notPending)
      .when(later(12_999))
      .expect(nothingHappened);
  });

  test("is recorded once per delivery, however often the message was accepted", () => {
    given(brought, attached(), acquired("tile"), taken()).when(taken()).expect(nothingHappened);
  });

  test("is not sent once it is promoted, and a late outcome of its message changes nothing", () => {
    given(brought, attached(), acquired("tile", { ttlMs: 300_000 }), manager(ready))
      .when(later(5_000))
      .expect(nothingHappened)
      .when(taken(1))
      .expect(nothingHappened);
  });

  test("is not sent once it is abandoned", () => {
    given(brought, attached(), acquired("tile", { ttlMs: 300_000 }))
      .when(later(15_000))
      .expect(event({ kind: "HandshakeAbandoned" }))
      .when(later(30_000))
      .expect(nothingHappened)
      .when(taken(1))
      .expect(nothingHappened);
  });

  test("is not sent by a caller that joins it before it is due", () => {
    given(brought, attached(), acquired("tile"))
      .when(acquired("other"))
      .expect(happened("LeaseGranted"))
      .when(renewed("tile"))
      .expect(happened("LeaseExtended"));
  });

  test("is put off by a gap, like every deadline", () => {
    given(brought, policy({ backoffSpread: 0 }), attached(), acquired("tile", { ttlMs: 300_000 }))
      .when(absent(60_000), later(0))
      .expect(happened("GapTaken"))
      .when(later(1_000))
      .expect(sent(2, "tile"));
  });

  test("is sent after its store has lost the last change", () => {
    given(brought, attached(), acquired("tile", { ttlMs: 300_000 }))
      .when(incarnationChanged(), later(2_000))
      .expect(sent(2, "tile"));
  });
});

describe("the token that is sent", () => {
  test("is that of the lease that asked, while it is live", () => {
    given(
      brought,
      attached(),
      acquired("agent", { ttlMs: 300_000 }),
      acquired("tile"),
      later(15_000),
    )
      .when(wait(1_000), renewed("tile"))
      .expect(sent(1, "tile"));
  });

  test("is then that of the live lease that lasts longest", () => {
    given(
      brought,
      attached(),
      acquired("short", { ttlMs: 20_000 }),
      acquired("long", { ttlMs: 300_000 }),
    )
      .when(acquired("middle", { ttlMs: 60_000 }), released("short"), later(5_000))
      .expect(sent(2, "long"));
  });

  test("is that of the lease that lasts longest where an operator asked", () => {
    given(brought, onFastPath(), acquired("long", { ttlMs: 300_000 }), acquired("short"))
      .when(renegotiated({ reason: "operator" }))
      .expect(sent(1, "tile"));
  });

  test("is that of the caller who asked for a replacement", () => {
    given(brought, onFastPath(), acquired("other"), wait(9_000), manager(ready), wait(2_000))
      .when(manager(ready), renegotiated({ by: "other", seen: 1 }))
      .expect(sent(1, "other"));
  });

  test("is not sent while no lease is live", () => {
    given(brought, attached(), acquired("tile"), released("tile"))
      .when(later(2_000))
      .expect(sent(2, undefined))
      .when(acquired("next"), later(5_000))
      .expect(sent(3, "next"));
  });
});

describe("a handshake needs no message", () => {
  test("where the host watches", () => {
    given(brought, hostWatches(), attached())
      .when(acquired("tile"))
      .expect(happened("LeaseGranted", "HandshakeStarted"), notPending, nextDeadlineAt(15_000));
  });

  test("where it cannot be delivered", () => {
    given(attached()).when(acquired("tile")).expect(happened("LeaseGranted", "HandshakeStarted"));
  });

  test("once the host watches, as is found when it would be sent again", () => {
    given(brought, attached(), acquired("tile"))
      .when(hostWatches(), later(2_000))
      .expect(happened("HandshakeDelivered"), event({ kind: "HandshakeDelivered", by: "watch" }))
      .when(hostWatches(false), later(5_000))
      .expect(nothingHappened);
  });
});

test("confirming a delivery for an unknown session is no error", () => {
  given(brought, attached(), acquired("tile"))
    .when((world) => {
      world.record = undefined;
    }, taken(1))
    .expect(nothingHappened);
});
