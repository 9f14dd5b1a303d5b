import { expect, test } from "vitest";

import { type Environment, toSettings } from "../../src/settings/settings.ts";
import { settingsTable } from "../../src/settings/settings-table.ts";
import { runService } from "../support/process/run-service.ts";

function servicesIn(env: Environment): readonly string[] {
  const result = toSettings(env);
  return result.kind === "settings"
    ? result.settings.linkedServices
    : expect.fail(result.faults.join("\n"));
}

/** What Kubernetes sets for a Service of that name with the ports `grpc` 50051 and `dns` 53. */
function linksOf(service: string, address = "10.0.0.1"): Record<string, string> {
  const host = address.includes(":") ? `[${address}]` : address;
  return {
    [`${service}_SERVICE_HOST`]: address,
    [`${service}_SERVICE_PORT`]: "50051",
    [`${service}_SERVICE_PORT_GRPC`]: "50051",
    [`${service}_SERVICE_PORT_DNS_UDP`]: "53",
    [`${service}_PORT`]: `tcp://${host}:50051`,
    [`${service}_PORT_50051_TCP`]: `tcp://${host}:50051`,
    [`${service}_PORT_50051_TCP_ADDR`]: address,
    [`${service}_PORT_50051_TCP_PORT`]: "50051",
    [`${service}_PORT_50051_TCP_PROTO`]: "tcp",
    [`${service}_PORT_53_UDP`]: `udp://${host}:53`,
    [`${service}_PORT_53_UDP_ADDR`]: address,
    [`${service}_PORT_53_UDP_PORT`]: "53",
    [`${service}_PORT_53_UDP_PROTO`]: "udp",
    [`${service}_PORT_9_SCTP`]: `sctp://${host}:9`,
  };
}

test.each([
  ["LEASE", "10.0.0.1"],
  ["LEASE_REDIS", "fd00::1"],
  ["LEASE_HTTP_LISTEN", "10.0.0.1"],
  ["LEASE_SERVICE", "10.0.0.1"],
])("links of a service %s at %s are passed over", (service, address) => {
  const links = linksOf(service, address);
  expect(servicesIn(links)).toEqual([service]);
  for (const [name, value] of Object.entries(links)) {
    expect(servicesIn({ [name]: value })).toHaveLength(1);
  }
});

test("links of containers are passed over, with the environment that they hand on", () => {
  const env = {
    LEASE_DB_PORT: "tcp://172.17.0.5:5432",
    LEASE_DB_NAME: "/web/lease_db",
    LEASE_DB_ENV_POSTGRES_VERSION: "17",
    // Docker says so of ports that follow one another.
    LEASE_DB_PORT_5432_TCP_START: "tcp://172.17.0.5:5432",
    LEASE_DB_PORT_5432_TCP_END: "tcp://172.17.0.5:5434",
    LEASE_DB_PORT_5432_TCP_PORT_START: "5432",
    LEASE_DB_PORT_5432_TCP_PORT_END: "5434",
  };
  expect(servicesIn(env)).toEqual(["LEASE_DB"]);
});

test.each([
  ["LEASE_HTTP_PORT", "8090"],
  ["LEASE_PORT", "50051"],
  ["LEASE_STORE_ENV_URL", "memory:"],
  ["LEASE_SERVICE_PORT", "50051/tcp"],
  ["LEASE_STORE_NAME", "memory:"],
  ["LEASE_STOER_URL", "tcp://10.0.0.1:50051"],
])("%s=%s is no service link, and is refused", (name, value) => {
  expect(toSettings({ [name]: value, ...linksOf("LEASE_REDIS") })).toMatchObject({
    kind: "faults",
    faults: [expect.stringContaining(`${name} is not a setting of this version`)],
  });
});

test("no setting has the name of a service link", () => {
  for (const { name } of settingsTable) {
    for (const value of ["1", "10.0.0.1", "tcp://10.0.0.1:1", "/a/b"]) {
      expect(toSettings({ [name]: value })).not.toMatchObject({
        settings: { linkedServices: [expect.anything()] },
      });
    }
  }
});

test("a service that starts beside service links names the services in one line", async () => {
  await using service = await runService({
    env: { ...linksOf("LEASE"), ...linksOf("LEASE_REDIS") },
  });
  const lines = service.log.filter(({ msg }) => msg.includes("service links"));
  expect(lines).toMatchObject([{ level: "info", services: ["LEASE", "LEASE_REDIS"] }]);
});
