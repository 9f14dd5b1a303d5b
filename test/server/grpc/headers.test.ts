import { constants } from "node:http2";

import { expect, test } from "vitest";
import { enveloped } from "../../support/network/enveloped.ts";
import { runService } from "../../support/process/run-service.ts";
import { grpcEnd, RawHttp2 } from "../raw/raw-http2.ts";

const renew = "/beach.controller.v1.ControllerLease/Renew";

test("headers beyond their budget reset the stream, and nothing else", async () => {
  await using service = await runService();
  using raw = new RawHttp2(service.addresses.grpc);
  // The first comes before the client has confirmed that it knows the limit.
  for (let sent = 0; sent < 2; sent += 1) {
    const long = raw.open(renew, { "x-long": "v".repeat(17_000) });
    await new Promise((resolve) => long.resume().once("close", resolve));
    expect(long.rstCode).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
  const fits = raw.open(renew, { "x-long": "v".repeat(15_000) });
  fits.end(enveloped(Buffer.alloc(0)));
  expect((await grpcEnd(fits)).status).toBe("3");
});
