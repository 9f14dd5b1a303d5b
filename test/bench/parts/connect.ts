import { hasOpenssl, issueCertificate, trust } from "../../support/network/certificates.ts";
import type { Bench, Part } from "../bench.ts";
import { alternate } from "../contest.ts";
import { startContestant } from "../contestant.ts";
import { unary } from "../entrants.ts";
import type { Doors } from "../load/calls.ts";
import type { Measured } from "../load/load.ts";
import { compared, type Findings, type Row } from "../report/row.ts";
import { secondsOf } from "../seconds.ts";
import { costOf, cpuOf, rateOf } from "./unary.ts";

export const connectPart: Part = {
  name: "connect",
  title: "Renewals, a call each, over Connect",
  seconds: (size) => secondsOf(size, 4),
  run,
};

async function run(bench: Bench): Promise<Findings> {
  const inClear = await contest(bench, "connect");
  const rows = rowsOf("Connect Renew, HTTP/1.1", inClear);
  if (!hasOpenssl) return { rows, notes: ["HTTP/2 needs TLS, and there is no openssl"] };
  await using certificates = await issueCertificate("IP:127.0.0.1");
  trust(certificates);
  const overTls = await contest(bench, "connectTls", certificates);
  return { rows: [...rows, ...rowsOf("Connect Renew, HTTP/2 and TLS", overTls)] };
}

function contest(
  bench: Bench,
  door: keyof Doors,
  files?: { readonly certificate: string; readonly key: string },
): Promise<readonly Measured[][]> {
  const { size, cores } = bench;
  const leases = String(size.leases);
  const ofService =
    files === undefined ? [] : ["--certificate", files.certificate, "--key", files.key];
  const ofFloor = files === undefined ? [] : [files.certificate, files.key];
  const starts = [
    {
      name: "the service",
      start: () =>
        startContestant("lease-server.ts", { args: ["--leases", leases, ...ofService], cores }),
    },
    {
      name: emptyConnect,
      start: () =>
        startContestant("connect-floor-server.ts", { args: [leases, ...ofFloor], cores }),
    },
  ];
  return alternate(
    bench,
    door === "connect" ? "Connect Renew over HTTP/1.1" : "Connect Renew over HTTP/2",
    starts.map((entrant) => unary(bench, entrant, door)),
  );
}

const emptyConnect = "an empty connect-node handler";

function rowsOf(name: string, [own = [], floor = []]: readonly Measured[][]): readonly Row[] {
  return [
    compared(costOf(name, own), { with: "floor", name: emptyConnect, values: cpuOf(floor) }),
    rateOf(name, own),
  ];
}
