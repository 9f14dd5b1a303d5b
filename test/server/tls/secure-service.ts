import { openAuthority, trust } from "../../support/network/certificates.ts";
import {
  type RunningService,
  type RunOptions,
  runService,
} from "../../support/process/run-service.ts";
import { RawHttp2 } from "../raw/raw-http2.ts";

/** A service whose public door speaks TLS, with a certificate that this process trusts. */
export interface SecureService extends RunningService {
  /** A connection of HTTP/2 to the public door. */
  http2(): RawHttp2;
  /** What a budget says, such as how often it `refused` something. */
  figure(kind: "used" | "refusals_total", budget: string): Promise<number>;
}

export async function runSecure(options: RunOptions = {}): Promise<SecureService> {
  await using stack = new AsyncDisposableStack();
  const authority = stack.use(await openAuthority());
  trust(authority);
  const { certificate, key } = authority.issue("IP:127.0.0.1");
  const env = { LEASE_HTTP_TLS_CERT: certificate, LEASE_HTTP_TLS_KEY: key, ...options.env };
  const service = stack.use(await runService({ ...options, env }));
  const moved = stack.move();
  return {
    ...service,
    http2: () => new RawHttp2(service.httpUrl("")),
    async figure(kind, budget) {
      const text = await (await fetch(service.opsUrl("/metrics"))).text();
      const found = new RegExp(`^lease_budget_${kind}\\{budget="${budget}"\\} (.*)$`, "m");
      return Number(found.exec(text)?.[1] ?? Number.NaN);
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}
