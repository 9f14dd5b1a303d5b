import { isHostPort } from "../calling/host-port.ts";
import { badUsage, exitCodes, Failure, lateFailure, unreachable } from "../failure.ts";
import { noPositionals, readArguments } from "../terminal/arguments.ts";
import { decline, isConfirmed } from "../terminal/confirm.ts";
import { parseTimeout } from "../terminal/durations.ts";
import type { Output } from "../terminal/output.ts";

const options = {
  ops: { type: "string", default: "127.0.0.1:9464" },
  timeout: { type: "string", default: "10s" },
  json: { type: "boolean", default: false },
  yes: { type: "boolean", short: "y", default: false },
} as const;

/** `drain`: has one process of the service end its streams and exit. */
export async function drain(args: readonly string[], output: Output): Promise<number> {
  const { options: given, positionals } = readArguments(args, options);
  noPositionals(positionals);
  const timeoutMs = parseTimeout(given.timeout);
  if (!isHostPort(given.ops)) {
    throw badUsage(`--ops is "${given.ops}": it must be host:port`);
  }
  const question = `Drain the service at ${given.ops}? It ends its streams and exits.`;
  if (!(await isConfirmed(question, given.yes))) return decline(output);
  const status = await order(given.ops, timeoutMs);
  if (status !== 202) {
    throw new Failure(
      `${given.ops} answered ${status}: --ops names the operators' door (LEASE_OPS_LISTEN)`,
      { exitCode: exitCodes.failed },
    );
  }
  if (given.json) await output.json({ address: given.ops, status: "draining" });
  else await output.line(`${given.ops} drains: it ends its streams and exits within 10 s`);
  return exitCodes.done;
}

async function order(address: string, timeoutMs: number): Promise<number> {
  const place = { address, timeoutMs };
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await fetch(`http://${address}/drain`, {
      method: "POST",
      redirect: "manual",
      signal,
    });
    await answer.arrayBuffer();
    return answer.status;
  } catch (error) {
    throw signal.aborted ? lateFailure(error, place) : unreachable(error, place);
  }
}
