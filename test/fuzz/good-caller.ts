import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { type CallOptions, type Client, createClient } from "@connectrpc/connect";

import { ControllerLease } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import type { JwtMode } from "../support/process/jwt-mode.ts";
import type { SpawnedService } from "../support/process/run-service.ts";

const callTimeoutMs = 10_000;
const sessionId = "good-1";
/** Longer than a round may take in which much goes wrong. */
const ttl = durationFromMs(300_000);

/** Somebody of another beach who behaves well, on every door. */
export interface GoodCaller {
  /** Renews by every way there is, and asks whether the process lives; throws for what fails. */
  round(): Promise<void>;
}

export async function goodCaller(service: SpawnedService, jwt: JwtMode): Promise<GoodCaller> {
  const privateBeachId = "good-beach";
  const manager = await jwt.manager({ sub: "good-manager" });
  const person = await jwt.person({ sub: "good-person", private_beach_id: privateBeachId });
  const byManager = withBearer(manager);
  const byPerson = withBearer(person);
  await service.registry.attachSession({ sessionId, privateBeachId }, byManager);
  const web = createClient(ControllerLease, service.connect);
  const { controllerToken } = await web.acquire({ sessionId, ttl }, byPerson);
  const renew = (lease: Client<typeof ControllerLease>, options: CallOptions): Promise<unknown> =>
    lease.renew({ sessionId, controllerToken }, { ...options, timeoutMs: callTimeoutMs });
  const signal = (): AbortSignal => AbortSignal.timeout(callTimeoutMs);
  return {
    async round() {
      await renew(web, byPerson);
      await renew(service.lease, byManager);
      const old = await fetch(
        service.httpUrl(`/sessions/${sessionId}/controller-handshake/renew`),
        {
          method: "POST",
          headers: { authorization: `Bearer ${person}` },
          body: JSON.stringify({ controller_token: controllerToken }),
          signal: signal(),
        },
      );
      if (old.status !== 200) throw new Error(`old route: ${old.status} ${await old.text()}`);
      await old.arrayBuffer();
      const health = await fetch(service.opsUrl("/healthz"), { signal: signal() });
      if (health.status !== 200) throw new Error(`health: ${health.status}`);
      await health.arrayBuffer();
    },
  };
}

function withBearer(bearer: string): CallOptions {
  return { headers: { authorization: `Bearer ${bearer}` } };
}
