import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

import { expect, test } from "vitest";

import { Budgets } from "../../../src/budget/budgets.ts";
import { KeepAliveRequestSchema } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { ConnectionTurns } from "../../../src/server/connections/connection-turns.ts";
import { Intake } from "../../../src/server/intake/intake.ts";
import { Outbox } from "../../../src/server/outbox.ts";
import { RequestBody } from "../../../src/server/public/request-body.ts";
import { enveloped } from "../../support/network/enveloped.ts";

const messages = 300;
/** What may begin in one turn. */
const perTurn = 64;

test("messages of a stream that come in one read are read over several turns", async () => {
  const budgets = new Budgets();
  const turns = new ConnectionTurns(
    budgets,
    () => 0,
    async () => undefined,
  );
  const byTurn = new Map<number, number>();
  const server = createServer(async (incoming, answer) => {
    const body = new RequestBody(incoming, answer, {
      intake: new Intake(budgets, turns),
      answer: new Outbox(budgets).open(incoming.socket, answer),
      fault: undefined,
      onAnswered: () => undefined,
      onRead: () => undefined,
    });
    body.admitStream(KeepAliveRequestSchema);
    for await (const _message of body.messages) {
      byTurn.set(turns.turn, (byTurn.get(turns.turn) ?? 0) + 1);
    }
    answer.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const headers = { "content-type": "application/connect+proto" };
  const call = request({ host: "127.0.0.1", port, method: "POST", headers });
  call.end(Buffer.concat(Array.from({ length: messages }, () => enveloped(Buffer.alloc(0)))));
  const [answer] = await once(call, "response");
  await once(answer.resume(), "end");
  server.close();
  expect([...byTurn.values()].reduce((sum, one) => sum + one, 0)).toBe(messages);
  expect(Math.max(...byTurn.values())).toBeLessThanOrEqual(perTurn);
});
