import { expect, test } from "vitest";

import { TransportHealth } from "../../../src/gen/beach/controller/v1/transport_pb.js";
import { serviceUnderTest } from "../../support/service/session-service.ts";
import { dependenciesFor, inMemory } from "../api-under-test.ts";
import { readyReport } from "../conformance/conformance-subject.ts";

test("evidence is shown at its true age, also where a gap keeps it fresh", async () => {
  await using under = await serviceUnderTest();
  const { lease, registry } = inMemory(dependenciesFor(under.service));
  const asked = { sessionId: "s1", privateBeachId: "beach-1", passcode: "1234" };
  const { controllerToken, offer } = await lease.acquire(asked);
  await registry.reportTransport({ reports: [readyReport("s1", offer?.handshakeId ?? "")] });
  await under.clock.advance(5_000);
  await under.clock.jump(60_000);
  const { transport } = await lease.renew({ sessionId: "s1", controllerToken });
  expect(transport).toMatchObject({
    health: TransportHealth.HEALTHY,
    evidenceAge: { seconds: 65n },
    ends: [{ age: { seconds: 65n } }],
  });
});
