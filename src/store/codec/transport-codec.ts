import type {
  AbandonedHandshake,
  Backoff,
  FastPath,
  Handshake,
  Health,
  HealthReason,
  LingeringHandshake,
  NegotiationReason,
  PromotedHandshake,
  Reporter,
  Stranger,
  Transport,
} from "../../core/session.ts";
import type { EpochMs } from "../../core/time.ts";
import { ends, readEvidence, writeEvidence } from "./evidence-codec.ts";
import { type FlatReader, type FlatWriter, Words } from "./flat-record.ts";

const paths = new Words<FastPath["kind"]>({ absent: 0, negotiating: 1, active: 2, replacing: 3 });

const healths = new Words<Health>({ healthy: 0, degraded: 1, stale: 2, lost: 3 });

const healthReasons = new Words<HealthReason>({
  confirmed: 0,
  recovered: 1,
  adopted: 2,
  host_silent: 3,
  manager_silent: 4,
  silent: 5,
  ice_disconnected: 6,
  channel_missing: 7,
  acks_slow: 8,
  acks_stalled: 9,
  connection_closed: 10,
  channel_closed: 11,
  end_restarted: 12,
});

const negotiationReasons = new Words<NegotiationReason>({
  acquired: 0,
  renewed: 1,
  transport_lost: 2,
  poor_quality: 3,
  network_changed: 4,
  operator: 5,
  unspecified: 6,
});

export function writeTransport(out: FlatWriter, transport: Transport): void {
  out.repeatedText(transport.managerUrl);
  out.repeatedTexts(transport.requiredChannels);
  out.flag(transport.hostReports);
  out.number(transport.generation);
  out.number(transport.generationFloor);
  writePath(out, transport.path);
  out.number(transport.attempts);
  out.flag(transport.settled);
  out.list(transport.abandoned, writeAbandoned);
  out.maybe(transport.lingering, writeLingering);
  out.list(transport.strangers, writeStranger);
  out.maybeRepeatedText(transport.newestHandshakeId);
  out.maybeRepeatedText(transport.youngestRetiredId);
  out.list(transport.reporters, writeReporter);
  out.maybeMoment(transport.hostHeardAt);
  writeBackoff(out, transport.recoveries);
  writeBackoff(out, transport.replacements);
  out.number(transport.earlyDeaths);
}

export function readTransport(from: FlatReader): Transport {
  return {
    managerUrl: from.sharedText(),
    requiredChannels: from.sharedTexts(),
    hostReports: from.flag(),
    generation: from.number(),
    generationFloor: from.version < 2 ? 0 : from.number(),
    path: readPath(from),
    attempts: from.number(),
    settled: from.flag(),
    abandoned: from.list(readAbandoned),
    lingering: from.maybe(readLingering),
    strangers: from.list(readStranger),
    newestHandshakeId: from.maybeRepeatedText(),
    youngestRetiredId: from.maybeRepeatedText(),
    reporters: from.list(readReporter),
    hostHeardAt: readHostHeardAt(from),
    recoveries: readBackoff(from),
    replacements: readBackoff(from),
    earlyDeaths: from.number(),
  };
}

function readHostHeardAt(from: FlatReader): EpochMs | undefined {
  const heardAt = from.maybeMoment();
  // Version 1 kept here from when evidence aged after a gap: now each word knows that itself.
  if (from.version < 2) from.moment();
  return heardAt;
}

function writePath(out: FlatWriter, path: FastPath): void {
  out.word(paths, path.kind);
  switch (path.kind) {
    case "absent":
      break;
    case "negotiating":
      writeHandshake(out, path.next);
      break;
    case "active":
      writePromoted(out, path.current);
      break;
    case "replacing":
      writePromoted(out, path.current);
      writeHandshake(out, path.next);
      break;
  }
}

function readPath(from: FlatReader): FastPath {
  const kind = from.word(paths);
  switch (kind) {
    case "absent":
      return absent;
    case "negotiating":
      return { kind, next: readHandshake(from) };
    case "active":
      return { kind, current: readPromoted(from) };
    case "replacing":
      return { kind, current: readPromoted(from), next: readHandshake(from) };
  }
}

const absent: FastPath = { kind: "absent" };

function writeHandshake(out: FlatWriter, handshake: Handshake): void {
  out.repeatedText(handshake.id);
  out.maybe(handshake.manager, writeEvidence);
  out.maybe(handshake.host, writeEvidence);
  out.number(handshake.attempt);
  out.word(negotiationReasons, handshake.reason);
  out.moment(handshake.issuedAt);
  out.moment(handshake.confirmBy);
  out.repeatedTexts(handshake.channels);
  out.repeatedText(handshake.managerUrl);
}

function readHandshake(from: FlatReader): Handshake {
  return {
    id: from.repeatedText(),
    manager: from.maybe(readEvidence),
    host: from.maybe(readEvidence),
    attempt: from.number(),
    reason: from.word(negotiationReasons),
    issuedAt: from.moment(),
    confirmBy: from.moment(),
    channels: from.sharedTexts(),
    managerUrl: from.sharedText(),
  };
}

function writePromoted(out: FlatWriter, promoted: PromotedHandshake): void {
  out.repeatedText(promoted.id);
  out.maybe(promoted.manager, writeEvidence);
  out.maybe(promoted.host, writeEvidence);
  out.repeatedTexts(promoted.channels);
  out.moment(promoted.promotedAt);
  out.number(promoted.unheardMs);
  out.word(healths, promoted.health);
  out.word(healthReasons, promoted.healthReason);
  out.moment(promoted.usableSince);
  out.maybeMoment(promoted.goodSince);
}

function readPromoted(from: FlatReader): PromotedHandshake {
  return {
    id: from.repeatedText(),
    manager: from.maybe(readEvidence),
    host: from.maybe(readEvidence),
    channels: from.sharedTexts(),
    promotedAt: from.moment(),
    unheardMs: from.version < 2 ? 0 : from.number(),
    health: from.word(healths),
    healthReason: from.word(healthReasons),
    usableSince: from.moment(),
    goodSince: from.maybeMoment(),
  };
}

function writeAbandoned(out: FlatWriter, abandoned: AbandonedHandshake): void {
  out.repeatedText(abandoned.id);
  out.maybe(abandoned.manager, writeEvidence);
  out.maybe(abandoned.host, writeEvidence);
  out.repeatedTexts(abandoned.channels);
  out.moment(abandoned.honouredUntil);
}

function readAbandoned(from: FlatReader): AbandonedHandshake {
  return {
    id: from.repeatedText(),
    manager: from.maybe(readEvidence),
    host: from.maybe(readEvidence),
    channels: from.sharedTexts(),
    honouredUntil: from.moment(),
  };
}

function writeLingering(out: FlatWriter, lingering: LingeringHandshake): void {
  out.repeatedText(lingering.id);
  out.moment(lingering.honouredUntil);
}

function readLingering(from: FlatReader): LingeringHandshake {
  return { id: from.repeatedText(), honouredUntil: from.moment() };
}

function writeStranger(out: FlatWriter, stranger: Stranger): void {
  out.repeatedText(stranger.id);
  out.maybe(stranger.manager, writeEvidence);
  out.maybe(stranger.host, writeEvidence);
}

function readStranger(from: FlatReader): Stranger {
  return {
    id: from.repeatedText(),
    manager: from.maybe(readEvidence),
    host: from.maybe(readEvidence),
  };
}

function writeReporter(out: FlatWriter, reporter: Reporter): void {
  out.word(ends, reporter.end);
  out.repeatedText(reporter.id);
  out.number(reporter.sequence);
}

function readReporter(from: FlatReader): Reporter {
  return { end: from.word(ends), id: from.sharedText(), sequence: from.number() };
}

function writeBackoff(out: FlatWriter, backoff: Backoff): void {
  out.number(backoff.failures);
  out.number(backoff.notBefore);
}

function readBackoff(from: FlatReader): Backoff {
  return { failures: from.number(), notBefore: from.number() };
}
