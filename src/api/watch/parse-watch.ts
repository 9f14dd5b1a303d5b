import type { WatchTransportRequest } from "../../gen/beach/controller/v1/controller_lease_pb.js";
import { TransportEnd } from "../../gen/beach/controller/v1/transport_pb.js";
import type { WatchSelection } from "../../service/lease-service.ts";
import type { Result } from "../refusal/result.ts";
import { FieldCheck } from "../request/field-check.ts";
import { idFault, optionalIdFault } from "../request/field-rules.ts";
import { limits } from "../request/limits.ts";
import { checkIds, entryPath, type Field, parseCount } from "../request/parse-values.ts";

export function parseWatch(request: WatchTransportRequest): Result<WatchSelection> {
  const check = new FieldCheck();
  const { sessionIds, privateBeachId: beachId } = request;
  const named = sessionIds.length > 0;
  check.note("session_ids", choiceFault(named, beachId !== ""));
  checkIds({ check, name: "session_ids" }, sessionIds, limits.watchedSessions);
  check.note("private_beach_id", optionalIdFault(beachId));
  const knownVersions = parseVersions({ check, name: "known_versions" }, request.knownVersions);
  const reader = readers[request.reader];
  check.note("reader", reader === undefined ? "must be a TransportEnd" : undefined);
  return check.finish({
    sessions: named ? { kind: "named", ids: [...new Set(sessionIds)] } : { kind: "beach", beachId },
    knownVersions,
    reader: reader ?? "onlooker",
  });
}

function choiceFault(named: boolean, beach: boolean): string | undefined {
  if (named !== beach) return undefined;
  return named
    ? "must be empty when private_beach_id is set"
    : "must name a session, unless private_beach_id is set";
}

function parseVersions(
  { check, name }: Field,
  versions: Readonly<Record<string, bigint>>,
): ReadonlyMap<string, number> {
  const entries = Object.entries(versions);
  if (entries.length > limits.knownVersions) {
    check.note(name, `must have at most ${limits.knownVersions} entries`);
    return new Map();
  }
  return new Map(
    entries.map(([id, version]) => {
      const fault = idFault(id);
      const isPlain = fault === undefined && version <= plainVersionMax;
      if (isPlain) return [id, Number(version)];
      // Its path is made up for none but those that are wrong.
      const field = entryPath(name, id);
      check.note(field, fault);
      return [id, parseCount({ check, name: field }, version)];
    }),
  );
}

const plainVersionMax = BigInt(Number.MAX_SAFE_INTEGER);

/** An open enum: a later client may send a number that is not here. */
const readers: Readonly<Record<number, WatchSelection["reader"]>> = {
  [TransportEnd.UNSPECIFIED]: "onlooker",
  [TransportEnd.MANAGER]: "manager",
  [TransportEnd.HOST]: "host",
};
