import { create, type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";

import { countMessage, type MessageFormat } from "../../../src/api/request/read-message.ts";
import { Budgets } from "../../../src/budget/budgets.ts";
import {
  RenewRequestSchema,
  WatchTransportRequestSchema,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import {
  ListSessionsRequestSchema,
  ReportTransportRequestSchema,
} from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { BadRequestSchema } from "../../../src/gen/google/rpc/error_details_pb.js";

async function read(
  desc: DescMessage,
  bytes: Uint8Array | string,
  format: MessageFormat,
  budgets = new Budgets(),
): Promise<MessageShape<DescMessage>> {
  return await countMessage({ desc, bytes: Buffer.from(bytes), format }, budgets).read();
}

/** Each wrong field, as `field: what it has to be`. */
async function faultsOf(
  desc: DescMessage,
  bytes: Uint8Array | string,
  format: MessageFormat = "json",
): Promise<readonly string[]> {
  try {
    await read(desc, bytes, format);
  } catch (thrown) {
    const [bad] = ConnectError.from(thrown).findDetails(BadRequestSchema);
    return bad?.fieldViolations.map((fault) => `${fault.field}: ${fault.description}`) ?? [];
  }
  return expect.fail("it was read");
}

describe("JSON", () => {
  test("is read, unknown fields included", async () => {
    const text = '{"session_id":"s","controllerToken":"t","ttl":"1.5s","later":{"field":1}}';
    expect(await read(RenewRequestSchema, text, "json")).toMatchObject({
      sessionId: "s",
      controllerToken: "t",
      ttl: { seconds: 1n, nanos: 500_000_000 },
    });
  });

  const renew = RenewRequestSchema;
  const watch = WatchTransportRequestSchema;
  const report = ReportTransportRequestSchema;
  test.each<[DescMessage, string, readonly string[]]>([
    [renew, "{", ["message: must be JSON"]],
    [renew, "null", ["message: must be a JSON object"]],
    [renew, '{"ttl":30}', ['ttl: must be a duration, such as "30s"']],
    [renew, '{"ttl":{"seconds":30}}', ['ttl: must be a duration, such as "30s"']],
    [
      renew,
      '{"session_id":7,"controllerToken":["t"],"leaseOnly":"yes"}',
      [
        "session_id: must be of type string",
        "controller_token: must be of type string",
        "lease_only: must be of type bool",
      ],
    ],
    [
      renew,
      '{"sessionId":"s","session_id":"s"}',
      ["message: must be JSON that sets each field once"],
    ],
    [ListSessionsRequestSchema, '{"pageSize":3e9}', ["page_size: must be of type int32"]],
    [watch, '{"sessionIds":"s"}', ["session_ids: must be a JSON array"]],
    [watch, '{"sessionIds":["s",7,null]}', ["session_ids[1]: must be of type string"]],
    [watch, '{"reader":true}', ["reader: must be a TransportEnd"]],
    [watch, '{"knownVersions":[]}', ["known_versions: must be a JSON object"]],
    [watch, '{"knownVersions":{"s":1,"t":-1}}', ['known_versions["t"]: must be of type uint64']],
    [report, '{"reports":[{},7]}', ["reports[1]: must be a JSON object"]],
    [
      report,
      '{"reports":[{},{"sessionId":1,"channels":[{},{"ackAge":"5"}],"roundTrip":"x"},{"end":[]}]}',
      [
        "reports[1].session_id: must be of type string",
        'reports[1].channels[1].ack_age: must be a duration, such as "30s"',
        'reports[1].round_trip: must be a duration, such as "30s"',
      ],
    ],
  ])("as %s from %s has its faults named", async (desc, text, faults) => {
    expect(await faultsOf(desc, text)).toEqual(faults);
  });

  test("with very many faults has the first of each list named", async () => {
    const text = `{"reports":[${Array(450).fill(`{"channels":[${"5,".repeat(100)}5]}`)}]}`;
    expect(await faultsOf(report, text)).toEqual(["reports[0].channels[0]: must be a JSON object"]);
  });

  test("is refused without repeating its contents", async () => {
    const secret = "controller-token-1234";
    for (const text of [`{"passcode":${secret}`, `{"leaseOnly":"${secret}"}`, `["${secret}"]`]) {
      expect(JSON.stringify(await faultsOf(renew, text))).not.toContain("1234");
    }
  });
});

describe("a message in binary", () => {
  test("is read", async () => {
    const bytes = toBinary(RenewRequestSchema, create(RenewRequestSchema, { sessionId: "s" }));
    expect(await read(RenewRequestSchema, bytes, "binary")).toMatchObject({ sessionId: "s" });
  });

  test.each([
    ["cut off", [0x0a, 0x05, 0x73]],
    ["no text where text has to be", [0x0a, 0x01, 0xff]],
    ["a tag that is none", [0x00]],
  ])("that is %s is refused as a whole", async (_what, bytes) => {
    await expect(read(RenewRequestSchema, Uint8Array.from(bytes), "binary")).rejects.toThrow(
      '"message" must be a beach.controller.v1.RenewRequest in protobuf\'s binary encoding',
    );
  });
});
