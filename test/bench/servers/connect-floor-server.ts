import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";

import { connectNodeAdapter } from "@connectrpc/connect-node";

import { ControllerLease } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { serveMeasurements } from "../contestant.ts";
import { sampleAnswer, sampleLeases } from "./sample-answer.ts";

/** The floor of the public door: connect-node with a handler that decides nothing. */
const [leases = "1000", certificate, key] = process.argv.slice(2);

const handler = connectNodeAdapter({
  routes: (router) => router.service(ControllerLease, { renew: () => sampleAnswer }),
});
const server =
  certificate === undefined || key === undefined
    ? createServer(handler)
    : createSecureServer({ cert: readFileSync(certificate), key: readFileSync(key) }, handler);
server.listen(0, "127.0.0.1", () => {
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const doors = certificate === undefined ? { connect: address } : { connectTls: address };
  serveMeasurements({ grpc: "", ...doors }, sampleLeases(Number(leases)));
});
