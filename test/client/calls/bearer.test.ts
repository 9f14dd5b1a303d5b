import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { expect, test } from "vitest";

import { Bearers, bearerInterceptor, type GetBearer } from "../../../src/client/calls/bearer.ts";
import { ControllerLease } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { Device } from "../device.ts";

/** A service that takes one bearer at a time, and a client whose bearer a callback gets. */
function signedIn(getBearer: GetBearer, device = new Device()) {
  const service = { accepts: "bearer-1", seen: [] as string[], says: [] as string[] };
  const admit = (header: Headers): void => {
    const bearer = header.get("authorization")?.replace("Bearer ", "") ?? "";
    service.seen.push(bearer);
    if (bearer !== service.accepts) throw new ConnectError("ended", Code.Unauthenticated);
  };
  const transport = createRouterTransport(
    ({ service: serve }) =>
      serve(ControllerLease, {
        renew: (_, { requestHeader }) => {
          admit(requestHeader);
          return {};
        },
        async *watchTransport(_, { requestHeader }) {
          admit(requestHeader);
          yield { event: { case: "bookmark", value: {} } };
          if (service.says.includes("expiring")) {
            yield { event: { case: "bearerExpiring", value: {} } };
          }
          if (service.says.includes("ended")) throw new ConnectError("ended", Code.Unauthenticated);
        },
      }),
    { transport: { interceptors: [bearerInterceptor(new Bearers(getBearer, device))] } },
  );
  const client = createClient(ControllerLease, transport);
  const readWatch = async (): Promise<void> => {
    for await (const _ of client.watchTransport({ sessionIds: ["session-1"] }));
  };
  return { service, client, readWatch, device };
}

/** Numbers what it hands out, and why it was asked. */
function numbered(): { get: GetBearer; asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    get: (why) => {
      asked.push(why);
      return `bearer-${asked.length}`;
    },
  };
}

test("the bearer is asked for once, however many calls need it", async () => {
  const { get, asked } = numbered();
  const { client, service } = signedIn(get);
  await Promise.all([client.renew({}), client.renew({}), client.renew({})]);
  expect(asked).toEqual(["first"]);
  expect(service.seen).toEqual(["bearer-1", "bearer-1", "bearer-1"]);
});

test("one that is rejected is replaced, and the call is made again", async () => {
  const { get, asked } = numbered();
  const { client, service } = signedIn(get);
  await client.renew({});
  service.accepts = "bearer-2";
  await Promise.all([client.renew({}), client.renew({})]);
  expect(asked).toEqual(["first", "rejected"]);
});

test("a call is made again once, and not for ever", async () => {
  const { get, asked } = numbered();
  const { client, service } = signedIn(get);
  service.accepts = "nothing";
  await expect(client.renew({})).rejects.toMatchObject({ code: Code.Unauthenticated });
  expect(service.seen).toEqual(["bearer-1", "bearer-2"]);
  expect(asked).toEqual(["first", "rejected"]);
});

test.each(["expiring", "ended"])(
  "a stream that says %s has the next call ask anew",
  async (word) => {
    const { get, asked } = numbered();
    const { client, service, readWatch } = signedIn(get);
    service.says = [word];
    await readWatch().catch(() => undefined);
    service.accepts = "bearer-2";
    await client.renew({});
    expect(asked).toEqual(["first", "rejected"]);
    expect(service.seen).toEqual(["bearer-1", "bearer-2"]);
  },
);

test("a callback that fails fails its calls, and the next call asks it again", async () => {
  let failures = 1;
  const { client } = signedIn(() => {
    if (failures-- > 0) throw new Error("signed out");
    return "bearer-1";
  });
  await expect(client.renew({})).rejects.toThrow("signed out");
  await client.renew({});
});

test("a callback that never answers is given up", async () => {
  const { client, device } = signedIn(() => new Promise<string>(() => undefined));
  const failed = expect(client.renew({})).rejects.toMatchObject({ code: Code.Unavailable });
  await device.advance(10_000);
  await failed;
});

test("a bearer that is rejected late does not put out the one that came after it", async () => {
  const { get, asked } = numbered();
  const bearers = new Bearers(get, new Device());
  expect(await bearers.current()).toBe("bearer-1");
  await bearers.reject("bearer-1");
  expect(await bearers.current()).toBe("bearer-2");
  await bearers.reject("bearer-1");
  expect(await bearers.current()).toBe("bearer-2");
  expect(asked).toEqual(["first", "rejected"]);
});
