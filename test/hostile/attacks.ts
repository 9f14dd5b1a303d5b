import { hasOpenssl } from "../support/network/certificates.ts";
import { type Attack, type Form, forms } from "./attack.ts";
import {
  callsAtOnce,
  fewSessions,
  freshBeaches,
  freshSessions,
  longNames,
} from "./attacks/call-floods.ts";
import { cancelledWatches } from "./attacks/cancelled-watches.ts";
import { deepBinary, deepJson, deepJsonOld } from "./attacks/deep-json.ts";
import { longPaths, longServiceName, oddHeaders } from "./attacks/echoed-text.ts";
import { emptyItemsGrpc, emptyItemsJson } from "./attacks/empty-items.ts";
import {
  emptyReportsBinary,
  emptyReportsGrpc,
  emptyReportsGrpcWeb,
} from "./attacks/empty-reports-binary.ts";
import { emptyReportsJson } from "./attacks/empty-reports-json.ts";
import { fanOutConnect, fanOutGrpc, fanOutJson } from "./attacks/fan-out.ts";
import {
  emptyData,
  pingFlood,
  pingFloodUnread,
  priorityFlood,
  settingsFlood,
  settingsFloodUnread,
  tinyData,
  unknownFrames,
  windowFlood,
} from "./attacks/frame-floods.ts";
import { halfOpen, unreadWatchesGrpc, unreadWatchesHttp, watchStorm } from "./attacks/half-open.ts";
import {
  continuationFlood,
  emptyContinuations,
  headerBomb,
  manyHeaders,
  smallHeaderBombs,
  wideMetadata,
} from "./attacks/header-bombs.ts";
import {
  chunkExtensions,
  headerFloods,
  hugeBodies,
  pipelinedCalls,
  pipelinedCallsRead,
  tinyChunks,
  trailerFloods,
} from "./attacks/http-parsing.ts";
import {
  attachAndDetach,
  manyLeases,
  massExpiry,
  renegotiations,
  revokeStorm,
} from "./attacks/leases.ts";
import { nothing } from "./attacks/nothing.ts";
import {
  backupFlood,
  logFlood,
  metricsFlood,
  plainLoad,
  stoppedLogReader,
} from "./attacks/operators-door.ts";
import { parserWords } from "./attacks/parser-words.ts";
import { publicHttp2 } from "./attacks/public-http2.ts";
import { rapidResets, rapidResetsData, rapidResetsWhole } from "./attacks/rapid-resets.ts";
import { manyReporters, reportedErrors, unknownSessions, unrecognised } from "./attacks/reports.ts";
import {
  connectionChurn,
  silentConnections,
  silentEverywhere,
  silentOperators,
  slowBody,
  slowHead,
} from "./attacks/slow-callers.ts";
import { listStorm, pageTokens, unreadListsGrpc, unreadListsHttp } from "./attacks/unread-lists.ts";
import {
  healthWatches,
  manyHealthWatches,
  reflectionStreams,
  unfinishedCalls,
  unreadKeepAlives,
} from "./attacks/unread-streams.ts";
import {
  knownVersions,
  knownVersionsJson,
  watchNamesConnect,
  watchNamesGrpc,
} from "./attacks/watch-names.ts";
import { zipBombStreams, zipBombsHttp } from "./attacks/zip-bombs.ts";

/** Every attack there is, in the order in which they run: those that leave most behind come last. */
export const attacks: readonly Attack[] = [
  nothing,
  emptyReportsJson,
  emptyReportsBinary,
  emptyReportsGrpc,
  emptyReportsGrpcWeb,
  emptyItemsGrpc,
  emptyItemsJson,
  zipBombStreams,
  zipBombsHttp,
  deepJson,
  deepJsonOld,
  deepBinary,
  unreadListsHttp,
  unreadListsGrpc,
  listStorm,
  pageTokens,
  fanOutConnect,
  fanOutJson,
  fanOutGrpc,
  watchNamesGrpc,
  watchNamesConnect,
  knownVersions,
  knownVersionsJson,
  unreadWatchesGrpc,
  unreadWatchesHttp,
  watchStorm,
  halfOpen,
  unreadKeepAlives,
  healthWatches,
  manyHealthWatches,
  reflectionStreams,
  unfinishedCalls,
  rapidResets,
  rapidResetsData,
  rapidResetsWhole,
  cancelledWatches,
  pingFlood,
  pingFloodUnread,
  settingsFlood,
  settingsFloodUnread,
  priorityFlood,
  windowFlood,
  unknownFrames,
  emptyData,
  tinyData,
  headerBomb,
  smallHeaderBombs,
  continuationFlood,
  emptyContinuations,
  manyHeaders,
  wideMetadata,
  callsAtOnce,
  longNames,
  manyLeases,
  massExpiry,
  revokeStorm,
  renegotiations,
  unknownSessions,
  manyReporters,
  unrecognised,
  reportedErrors,
  pipelinedCalls,
  pipelinedCallsRead,
  tinyChunks,
  chunkExtensions,
  hugeBodies,
  headerFloods,
  trailerFloods,
  parserWords,
  slowBody,
  slowHead,
  silentConnections,
  silentEverywhere,
  silentOperators,
  connectionChurn,
  ...publicHttp2,
  longServiceName,
  longPaths,
  oddHeaders,
  metricsFlood,
  backupFlood,
  logFlood,
  stoppedLogReader,
  plainLoad,
  freshSessions,
  fewSessions,
  freshBeaches,
  attachAndDetach,
];

/** Those of a form, and of every shorter one, that this machine can run. */
export function attacksOf(form: Form): readonly Attack[] {
  return attacks.filter(
    (attack) =>
      forms.indexOf(attack.form) <= forms.indexOf(form) &&
      (hasOpenssl || attack.service?.hasTls !== true),
  );
}

export function attackNamed(name: string): Attack {
  const found = attacks.find((attack) => attack.name === name);
  if (found === undefined) throw new Error(`no attack is named ${name}`);
  return found;
}
