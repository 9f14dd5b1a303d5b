import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";

import { createListSessions } from "../../src/api/sessions/list-sessions.ts";
import { Budgets } from "../../src/budget/budgets.ts";
import { Places } from "../../src/budget/places.ts";
import { ListSessionsRequestSchema } from "../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { runService } from "../support/process/run-service.ts";
import { serviceUnderTest } from "../support/service/session-service.ts";
import { dependenciesFor, inMemory } from "./api-under-test.ts";

const listSessions = "/beach.controller.v1.FastPathRegistry/ListSessions";

test("a caller that leaves while its page waits for others has none made", async () => {
  await using under = await serviceUnderTest();
  const budgets = new Budgets({ pages_made_at_once: 1 });
  const pagePlaces = new Places(budgets, "pages_made_at_once");
  const dependencies = dependenciesFor(under.service, { budgets, pagePlaces });
  await inMemory(dependencies).registry.attachSession({ sessionId: "s", privateBeachId: "b" });

  const { promise: other, resolve: endOther } = Promise.withResolvers<void>();
  void pagePlaces.at({}, () => other);
  const list = createListSessions(dependencies);
  const caller = new AbortController();
  let held = 0;
  const listed = ({ signal }: AbortController): ReturnType<typeof list> =>
    list(create(ListSessionsRequestSchema), {
      signal,
      requestHeader: new Headers(),
      holdAnswer: (bytes) => {
        held += bytes;
      },
    });
  const left = listed(caller);
  const stays = listed(new AbortController());
  caller.abort();
  endOther();
  expect((await left).sessions ?? []).toEqual([]);
  expect(held).toBe(0);
  expect((await stays).sessions).toHaveLength(1);
  expect(held).toBeGreaterThan(0);
});

test("a page in JSON is smaller than one in binary, and says that another follows", async () => {
  const budgets = { page_bytes: 5_000, json_page_bytes: 2_000 };
  await using service = await runService({ budgets, env: { LEASE_LOG_LEVEL: "warn" } });
  const ids = Array.from({ length: 100 }, (_, index) => `session-${100 + index}`);
  for (const sessionId of ids) {
    await service.registry.attachSession({ sessionId, privateBeachId: "b" });
  }
  const binary = await service.registry.listSessions({ pageSize: 1000 });
  const read: string[] = [];
  const sizes: number[] = [];
  let pageToken = "";
  do {
    const answer = await fetch(service.httpUrl(listSessions), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ pageSize: 1000, pageToken }),
    });
    const page = (await answer.json()) as Page;
    read.push(...page.sessions.map(({ sessionId }) => sessionId));
    sizes.push(page.sessions.length);
    pageToken = page.nextPageToken ?? "";
  } while (pageToken !== "");
  expect(read).toEqual(ids);
  expect(Math.max(...sizes)).toBeLessThan(binary.sessions.length);
  expect(binary.nextPageToken).not.toBe("");
});

test("a page reads its sessions some at a time, and none beyond those that fit", async () => {
  await using under = await serviceUnderTest();
  const budgets = new Budgets({ page_bytes: 4_000 });
  const { list } = under.service;
  const read: number[] = [];
  under.service.list = async (...page) => {
    const found = await list.apply(under.service, page);
    read.push(found.length);
    return found;
  };
  const { registry } = inMemory(dependenciesFor(under.service, { budgets }));
  for (let index = 0; index < 250; index++) {
    await registry.attachSession({ sessionId: `s${1_000 + index}`, privateBeachId: "b" });
  }
  const small = await registry.listSessions({ pageSize: 1000 });
  expect(small.sessions.length).toBeLessThan(100);
  expect(small.nextPageToken).not.toBe("");
  expect(read).toEqual([100]);

  const whole = inMemory(dependenciesFor(under.service)).registry;
  for (const pageSize of [1000, 250]) {
    const { sessions, nextPageToken } = await whole.listSessions({ pageSize });
    expect([sessions.length, nextPageToken]).toEqual([250, ""]);
  }
  expect((await whole.listSessions({ pageSize: 249 })).nextPageToken).not.toBe("");
  expect(Math.max(...read)).toBe(100);
});

interface Page {
  readonly sessions: readonly { readonly sessionId: string }[];
  readonly nextPageToken?: string;
}
