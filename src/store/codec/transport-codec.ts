import type {
  AbandonedHandshake,
  Backoff,
  Delivery,
  FastPath,
  Handshake,
  Health,
  HealthReason,
  LingeringHandshake,
  NegotiationReason,
  PromotedHandshake,
  Reporter,
  Transport,
  UnrecognisedHandshake,
} from "../../core/session.ts";
import type { EpochMs } from "../../core/time.ts";
import { type AddedField, type Part, part } from "./added-fields.ts";
import { ends, evidence } from "./evidence-codec.ts";
import type { RecordReader } from "./flat-reader.ts";
import { type FlatWriter, RecordUnreadable, Words } from "./flat-record.ts";

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

const negotiationReasons = new Words<NegotiationReason>(
  {
    acquired: 0,
    renewed: 1,
    transport_lost: 2,
    poor_quality: 3,
    network_changed: 4,
    operator: 5,
    unspecified: 6,
  },
  "unspecified",
);

function writeTransport(out: FlatWriter, one: Transport): void {
  out.repeatedText(one.managerUrl);
  out.repeatedTexts(one.requiredChannels);
  out.flag(one.hostReports);
  out.number(one.generation);
  out.number(one.generationFloor);
  writePath(out, one.path);
  out.number(one.attempts);
  out.flag(one.settled);
  out.list(one.abandoned, abandoned.write);
  out.maybe(one.lingering, lingering.write);
  out.list(one.unrecognised, unrecognisedHandshake.write);
  out.maybeRepeatedText(one.newestHandshakeId);
  out.maybeRepeatedText(one.youngestRetiredId);
  out.list(one.reporters, reporter.write);
  out.maybeMoment(one.hostReportedAt);
  backoff.write(out, one.recoveries);
  backoff.write(out, one.replacements);
  out.number(one.earlyDeaths);
}

function readTransport(from: RecordReader): Transport {
  return {
    managerUrl: from.sharedText(),
    requiredChannels: from.sharedTexts(),
    hostReports: from.flag(),
    generation: from.number(),
    generationFloor: from.version < 2 ? 0 : from.number(),
    path: readPath(from),
    attempts: from.number(),
    settled: from.flag(),
    abandoned: from.list(abandoned.read),
    lingering: from.maybe(lingering.read),
    unrecognised: from.list(unrecognisedHandshake.read),
    newestHandshakeId: from.maybeRepeatedText(),
    youngestRetiredId: from.maybeRepeatedText(),
    reporters: from.list(reporter.read),
    hostReportedAt: readHostReportedAt(from),
    recoveries: backoff.read(from),
    replacements: backoff.read(from),
    earlyDeaths: from.number(),
  };
}

function readHostReportedAt(from: RecordReader): EpochMs | undefined {
  const reportedAt = from.maybeMoment();
  // Version 1 kept here the moment that evidence ages from after a gap. Each report now has its
  // own.
  if (from.version < 2) from.moment();
  return reportedAt;
}

function writePath(out: FlatWriter, path: FastPath): void {
  out.word(paths, path.kind);
  switch (path.kind) {
    case "absent":
      break;
    case "negotiating":
      handshake.write(out, path.next);
      break;
    case "active":
      promoted.write(out, path.current);
      break;
    case "replacing":
      promoted.write(out, path.current);
      handshake.write(out, path.next);
      break;
  }
}

function readPath(from: RecordReader): FastPath {
  const kind = from.word(paths);
  switch (kind) {
    case "absent":
      return absent;
    case "negotiating":
      return { kind, next: handshake.read(from) };
    case "active":
      return { kind, current: promoted.read(from) };
    case "replacing":
      return { kind, current: promoted.read(from), next: handshake.read(from) };
  }
}

const absent: FastPath = { kind: "absent" };

function writeHandshake(out: FlatWriter, one: Handshake): void {
  out.repeatedText(one.id);
  out.maybe(one.manager, evidence.write);
  out.maybe(one.host, evidence.write);
  out.number(one.attempt);
  out.word(negotiationReasons, one.reason);
  out.moment(one.issuedAt);
  out.moment(one.confirmBy);
  out.repeatedTexts(one.channels);
  out.repeatedText(one.managerUrl);
}

function readHandshake(from: RecordReader, { delivery }: Pick<Handshake, "delivery">): Handshake {
  return {
    id: from.repeatedText(),
    manager: from.maybe(evidence.read),
    host: from.maybe(evidence.read),
    attempt: from.number(),
    reason: from.word(negotiationReasons),
    issuedAt: from.moment(),
    confirmBy: from.moment(),
    channels: from.sharedTexts(),
    managerUrl: from.sharedText(),
    delivery,
  };
}

/** How a handshake is brought to its host; earlier versions left that to others. */
const deliveryField: AddedField<Delivery | undefined> = {
  absent: undefined,
  write(delivery) {
    if (delivery?.kind !== "pending") return delivery === undefined ? null : [];
    const { tries, nextTryAt, askedBy } = delivery;
    return [tries, nextTryAt, askedBy ?? null];
  },
  read(json) {
    const values: readonly unknown[] = Array.isArray(json) ? json : [undefined];
    const [tries, nextTryAt, askedBy] = values;
    if (values.length === 0) return { kind: "delivered" };
    const isAsked = typeof askedBy === "string" || askedBy === null;
    if (typeof tries === "number" && typeof nextTryAt === "number" && isAsked) {
      return { kind: "pending", tries, nextTryAt, askedBy: askedBy ?? undefined };
    }
    throw new RecordUnreadable("a delivery was expected as tries, the next one, and who asked");
  },
};

function writePromoted(out: FlatWriter, one: PromotedHandshake): void {
  out.repeatedText(one.id);
  out.maybe(one.manager, evidence.write);
  out.maybe(one.host, evidence.write);
  out.repeatedTexts(one.channels);
  out.moment(one.promotedAt);
  out.number(one.gapMs);
  out.word(healths, one.health);
  out.word(healthReasons, one.healthReason);
  out.moment(one.usableSince);
  out.maybeMoment(one.goodSince);
}

function readPromoted(from: RecordReader): PromotedHandshake {
  return {
    id: from.repeatedText(),
    manager: from.maybe(evidence.read),
    host: from.maybe(evidence.read),
    channels: from.sharedTexts(),
    promotedAt: from.moment(),
    gapMs: from.version < 2 ? 0 : from.number(),
    health: from.word(healths),
    healthReason: from.word(healthReasons),
    usableSince: from.moment(),
    goodSince: from.maybeMoment(),
  };
}

function writeAbandoned(out: FlatWriter, one: AbandonedHandshake): void {
  out.repeatedText(one.id);
  out.maybe(one.manager, evidence.write);
  out.maybe(one.host, evidence.write);
  out.repeatedTexts(one.channels);
  out.moment(one.honouredUntil);
}

function readAbandoned(from: RecordReader): AbandonedHandshake {
  return {
    id: from.repeatedText(),
    manager: from.maybe(evidence.read),
    host: from.maybe(evidence.read),
    channels: from.sharedTexts(),
    honouredUntil: from.moment(),
  };
}

function writeLingering(out: FlatWriter, one: LingeringHandshake): void {
  out.repeatedText(one.id);
  out.moment(one.honouredUntil);
}

function readLingering(from: RecordReader): LingeringHandshake {
  return { id: from.repeatedText(), honouredUntil: from.moment() };
}

function writeUnrecognised(out: FlatWriter, one: UnrecognisedHandshake): void {
  out.repeatedText(one.id);
  out.maybe(one.manager, evidence.write);
  out.maybe(one.host, evidence.write);
}

function readUnrecognised(from: RecordReader): UnrecognisedHandshake {
  return {
    id: from.repeatedText(),
    manager: from.maybe(evidence.read),
    host: from.maybe(evidence.read),
  };
}

function writeReporter(out: FlatWriter, one: Reporter): void {
  out.word(ends, one.end);
  out.repeatedText(one.id);
  out.number(one.sequence);
}

function readReporter(from: RecordReader): Reporter {
  return { end: from.word(ends), id: from.sharedText(), sequence: from.number() };
}

function writeBackoff(out: FlatWriter, one: Backoff): void {
  out.number(one.failures);
  out.number(one.notBefore);
}

function readBackoff(from: RecordReader): Backoff {
  return { failures: from.number(), notBefore: from.number() };
}

const backoff: Part<Backoff> = part({}, writeBackoff, readBackoff);
const reporter: Part<Reporter> = part({}, writeReporter, readReporter);
const unrecognisedHandshake: Part<UnrecognisedHandshake> = part(
  {},
  writeUnrecognised,
  readUnrecognised,
);
const lingering: Part<LingeringHandshake> = part({}, writeLingering, readLingering);
const abandoned: Part<AbandonedHandshake> = part({}, writeAbandoned, readAbandoned);
const promoted: Part<PromotedHandshake> = part({}, writePromoted, readPromoted);
const handshake: Part<Handshake> = part({ delivery: deliveryField }, writeHandshake, readHandshake);
export const transport: Part<Transport> = part({}, writeTransport, readTransport);
