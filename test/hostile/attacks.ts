import { hasOpenssl } from "../support/network/certificates.ts";
import { type Attack, type Form, forms } from "./attack.ts";
import {
  callsAtOnce,
  fewSessions,
  freshBeaches,
  freshSessions,
  longNames,
} from "./attacks/calls/call-floods.ts";
import {
  attachAndDetach,
  manyLeases,
  massExpiry,
  renegotiations,
  revokeStorm,
} from "./attacks/calls/leases.ts";
import {
  backupFlood,
  logFlood,
  metricsFlood,
  plainLoad,
  stoppedLogReader,
} from "./attacks/calls/operators-door.ts";
import {
  manyReporters,
  reportedErrors,
  unknownSessions,
  unrecognised,
} from "./attacks/calls/reports.ts";
import { deepBinary, deepJson, deepJsonOld } from "./attacks/messages/deep-json.ts";
import { longPaths, longServiceName, oddHeaders } from "./attacks/messages/echoed-text.ts";
import { emptyItemsGrpc, emptyItemsJson } from "./attacks/messages/empty-items.ts";
import {
  emptyReportsBinary,
  emptyReportsGrpc,
  emptyReportsGrpcWeb,
} from "./attacks/messages/empty-reports-binary.ts";
import { emptyReportsJson } from "./attacks/messages/empty-reports-json.ts";
import {
  knownVersions,
  knownVersionsJson,
  watchNamesConnect,
  watchNamesGrpc,
} from "./attacks/messages/watch-names.ts";
import { packedCalls, zipBombStreams, zipBombsHttp } from "./attacks/messages/zip-bombs.ts";
import { nothing } from "./attacks/nothing.ts";
import { cancelledWatches } from "./attacks/readers/cancelled-watches.ts";
import { fanOutConnect, fanOutGrpc, fanOutJson } from "./attacks/readers/fan-out.ts";
import {
  compressedLists,
  listStorm,
  pageTokens,
  unreadListsGrpc,
  unreadListsHttp,
} from "./attacks/readers/unread-lists.ts";
import {
  healthWatches,
  manyHealthWatches,
  reflectionStreams,
  unfinishedCalls,
  unreadKeepAlives,
} from "./attacks/readers/unread-streams.ts";
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
  windowSettings,
} from "./attacks/transport/frame-floods.ts";
import {
  halfOpen,
  unreadWatchesGrpc,
  unreadWatchesHttp,
  watchStorm,
} from "./attacks/transport/half-open.ts";
import {
  continuationFlood,
  emptyContinuations,
  headerBomb,
  manyHeaders,
  smallHeaderBombs,
  wideMetadata,
  wideTrailers,
} from "./attacks/transport/header-bombs.ts";
import {
  chunkExtensions,
  headerFloods,
  hugeBodies,
  pipelinedCalls,
  pipelinedCallsRead,
  tinyChunks,
  trailerFloods,
} from "./attacks/transport/http-parsing.ts";
import { parserWords } from "./attacks/transport/parser-words.ts";
import { publicHttp2 } from "./attacks/transport/public-http2.ts";
import {
  rapidResets,
  rapidResetsData,
  rapidResetsWhole,
} from "./attacks/transport/rapid-resets.ts";
import {
  connectionChurn,
  silentConnections,
  silentEverywhere,
  silentOperators,
  slowBody,
  slowHead,
} from "./attacks/transport/slow-callers.ts";

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
  packedCalls,
  deepJson,
  deepJsonOld,
  deepBinary,
  unreadListsHttp,
  unreadListsGrpc,
  listStorm,
  compressedLists,
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
  windowSettings,
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
  wideTrailers,
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
