import { ListSessionsRequestSchema } from "../../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { enveloped } from "../../../support/network/enveloped.ts";
import type { Attack } from "../../attack.ts";
import { holdOn, untilOver } from "../../tools/at-once.ts";
import { grpcCaller } from "../../tools/grpc-caller.ts";
import { httpCaller } from "../../tools/http-caller.ts";
import { bytesOf, pathOf } from "../../tools/messages.ts";
import { attackedBeach } from "../../tools/sessions.ts";

const path = pathOf("listSessions");
const keeps = { outcome: "attached", bytesEach: 6_000 } as const;

export const unreadListsHttp: Attack = {
  name: "unread-lists-http",
  sends: "ListSessions with pages of 1000, 300 times over HTTP/1.1, of which no answer is read",
  right: "a page is made in parts and written as it is read; what nobody reads is given up",
  form: "short",
  needs: { outcome: "asked", times: 300 },
  attaches: 1_000,
  keeps,
  async run({ addresses, outcomes, signal }) {
    using caller = httpCaller(addresses.http, outcomes, 300);
    const body = JSON.stringify({ privateBeachId: attackedBeach, pageSize: 1_000 });
    const headers = { "content-type": "application/json" };
    for (let call = 0; call < 300; call += 1) {
      void caller.open({ path, headers, body });
      outcomes.see("asked");
    }
    await holdOn(signal);
  },
};

export const unreadListsGrpc: Attack = {
  name: "unread-lists-grpc",
  sends: "ListSessions with pages of 1000, 500 times on one connection with windows of one byte",
  right: "a page is made in parts and written as it is read; what nobody reads is given up",
  form: "full",
  attaches: 1_000,
  keeps,
  async run({ addresses, outcomes, signal }) {
    using caller = await grpcCaller(addresses.grpc, outcomes, { initialWindowSize: 1 });
    const request = { privateBeachId: attackedBeach, pageSize: 1_000 };
    const message = enveloped(bytesOf(ListSessionsRequestSchema, request));
    for (let call = 0; call < 500; call += 1) caller.open(path).end(message);
    await holdOn(signal);
  },
};

export const listStorm: Attack = {
  name: "list-storm",
  sends: "ListSessions with pages of 1000 as fast as they come, 16 at once on each door, read",
  right: "others have their turn between the parts of a page",
  form: "full",
  attaches: 1_000,
  keeps,
  async run({ addresses, outcomes, signal }) {
    using http = httpCaller(addresses.http, outcomes, 16);
    using grpc = await grpcCaller(addresses.grpc, outcomes);
    const body = JSON.stringify({ privateBeachId: attackedBeach, pageSize: 1_000 });
    const message = bytesOf(ListSessionsRequestSchema, {
      privateBeachId: attackedBeach,
      pageSize: 1_000,
    });
    const headers = { "content-type": "application/json" };
    await Promise.all([
      untilOver(16, signal, () => http.call({ path, headers, body })),
      untilOver(16, signal, () => grpc.unary(path, message)),
    ]);
  },
};

export const compressedLists: Attack = {
  name: "compressed-lists",
  sends: "ListSessions with pages of 1000 by callers that would read brotli, 32 at once",
  right: "no caller has the service spend on an answer what it does not spend itself",
  form: "full",
  attaches: 1_000,
  keeps,
  async run({ addresses, outcomes, signal }) {
    using caller = httpCaller(addresses.http, outcomes, 32);
    const body = JSON.stringify({ privateBeachId: attackedBeach, pageSize: 1_000 });
    const headers = { "content-type": "application/json", "accept-encoding": "br" };
    await untilOver(32, signal, () => caller.call({ path, headers, body }));
  },
};

export const pageTokens: Attack = {
  name: "page-tokens",
  sends: "ListSessions with page tokens that are long, cut, or not ours at all, 32 at once",
  right: "refused by name, cheaply",
  form: "full",
  refusedAs: ["FIELD_INVALID"],
  async run({ addresses, outcomes, random, signal }) {
    using caller = httpCaller(addresses.http, outcomes, 32);
    const headers = { "content-type": "application/json" };
    await untilOver(32, signal, () => {
      const pageToken = random.chance(0.5)
        ? "A".repeat(random.between(1, 900_000))
        : random.hex(40);
      return caller.call({ path, headers, body: JSON.stringify({ pageToken }) });
    });
  },
};
