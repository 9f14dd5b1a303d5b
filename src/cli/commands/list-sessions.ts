import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";

import {
  FastPathRegistry,
  type SessionSummary,
  type TransportState,
} from "../../client/contract.ts";
import { TransportStateSchema } from "../../gen/beach/controller/v1/transport_pb.js";
import { callingOptions, openCalling } from "../calling/calling.ts";
import { badUsage, exitCodes, failureOf } from "../failure.ts";
import { noPositionals, readArguments } from "../terminal/arguments.ts";
import { msOf } from "../terminal/durations.ts";
import { Columns, type Output } from "../terminal/output.ts";
import {
  leaseJson,
  pathWord,
  pathWords,
  stateCells,
  stateHeads,
  stateJson,
} from "../terminal/transport-words.ts";

const options = {
  ...callingOptions,
  beach: { type: "string", default: "" },
  path: { type: "string" },
  limit: { type: "string" },
} as const;

const pageSize = 500;
const heads = ["BEACH", ...stateHeads];

/** `sessions`: a line for each session, page by page as they come. */
export async function listSessions(args: readonly string[], output: Output): Promise<number> {
  const { options: given, positionals } = readArguments(args, options);
  noPositionals(positionals);
  if (given.path !== undefined && !pathWords.includes(given.path)) {
    throw badUsage(`--path is "${given.path}": it must be one of ${pathWords.join(", ")}`);
  }
  const limit = limitOf(given.limit);
  using calling = openCalling(given);
  const client = createClient(FastPathRegistry, calling.transport);
  const { timeoutMs } = calling.place;
  const columns = new Columns();
  let pageToken = "";
  let shown = 0;
  do {
    const request = { privateBeachId: given.beach, pageSize, pageToken };
    const page = await client
      .listSessions(request, { timeoutMs, signal: output.left })
      .catch((error: unknown) => {
        if (output.left.aborted) return undefined;
        throw failureOf(error, calling.place);
      });
    if (page === undefined) return exitCodes.done;
    const chosen = page.sessions.filter((one) => isOnPath(one, given.path));
    const wanted = chosen.slice(0, limit - shown);
    if (given.json) await printJson(wanted, output);
    else await printTable(wanted, { columns, output, isFirst: shown === 0 });
    shown += wanted.length;
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && shown < limit && !output.left.aborted);
  if (!given.json && shown === 0) output.note("no sessions");
  return exitCodes.done;
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw badUsage(`--limit is "${text}": it must be a whole number from 1 on`);
}

function isOnPath(session: SessionSummary, path: string | undefined): boolean {
  return path === undefined || pathWord(stateOf(session).path) === path;
}

/** A service of ours always sends a state. */
function stateOf({ sessionId, transport }: SessionSummary): TransportState {
  return transport ?? create(TransportStateSchema, { sessionId });
}

interface Table {
  readonly columns: Columns;
  readonly output: Output;
  readonly isFirst: boolean;
}

async function printTable(
  sessions: readonly SessionSummary[],
  { columns, output, isFirst }: Table,
): Promise<void> {
  const rows = sessions.map((session) => [session.privateBeachId, ...stateCells(stateOf(session))]);
  if (rows.length === 0) return;
  for (const row of rows) columns.fit(row);
  if (isFirst) await output.line(columns.format(heads));
  for (const row of rows) await output.line(columns.format(row));
}

async function printJson(sessions: readonly SessionSummary[], output: Output): Promise<void> {
  for (const session of sessions) {
    await output.json({
      ...stateJson(stateOf(session)),
      beach: session.privateBeachId,
      age_ms: msOf(session.age),
      leases: session.leases.map(leaseJson),
    });
  }
}
