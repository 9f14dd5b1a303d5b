import { mintHandshakeId } from "../../../src/core/ids.ts";
import type { NegotiationReason } from "../../../src/core/session.ts";
import type { Ask } from "../seen/ask.ts";
import type { TransportSeen } from "../seen/seen.ts";
import type { Link, Place, World } from "../world.ts";
import type { LeaseHolder } from "./lease-holder.ts";
import { attachOf } from "./manager.ts";
import { Watcher } from "./watcher.ts";

const reasons: readonly NegotiationReason[] = [
  "transport_lost",
  "poor_quality",
  "network_changed",
  "unspecified",
];

const forgetting = [
  "short lives",
  "many lives",
  "store lost",
  "backup restored",
  "older file put back",
] as const;

const operatorsWish: Ask = {
  kind: "Renegotiate",
  token: undefined,
  reason: "operator",
  observedGeneration: undefined,
};

/** People and programs around one session that check, replace, revoke and detach. */
export class Operator {
  readonly #world: World;
  readonly #place: Place;
  readonly #link: Link;
  readonly #holders: readonly LeaseHolder[];
  readonly #handshakes: string[] = [];
  #state: TransportSeen | undefined;
  /** Or it tries to attach for another private beach, which would take a detached session. */
  readonly #detaches: boolean;
  #guests = 0;
  #isCalm = false;

  constructor(world: World, place: Place, holders: readonly LeaseHolder[]) {
    this.#world = world;
    this.#place = place;
    this.#link = world.network.link(`operator of ${place.sessionId}`);
    this.#holders = holders;
    const forgetful = forgetting.some((fault) => world.plan.has(fault));
    this.#detaches = forgetful || world.random.chance(0.5);
  }

  watch(): void {
    new Watcher(this.#world, this.#link, {
      sessions: { kind: "named", ids: [this.#place.sessionId] },
      reader: "onlooker",
      isSlow: true,
      onState: (_, state) => this.#take(state),
      onGone: () => undefined,
    }).start();
  }

  calmDown(): void {
    this.#isCalm = true;
  }

  async act(): Promise<void> {
    const { timeline, random } = this.#world;
    while (!this.#isCalm) {
      await timeline.sleep(random.between(300, 9_000));
      if (this.#isCalm) return;
      for (const ask of this.#draw()) await this.#link.ask(this.#place.sessionId, ask);
    }
  }

  #take(state: TransportSeen): void {
    this.#state = state;
    for (const id of [state.handshakeId, state.negotiation?.handshakeId]) {
      if (id !== undefined && !this.#handshakes.includes(id)) this.#handshakes.push(id);
    }
  }

  #draw(): readonly Ask[] {
    const { random, plan } = this.#world;
    if (this.#detaches && random.chance(plan.has("many lives") ? 0.15 : 0.024)) {
      return this.#detach();
    }
    if (plan.has("tight limits")) {
      if (random.chance(0.15)) return this.#crowd();
      if (random.chance(0.2)) return [operatorsWish];
    }
    if (random.chance(0.15)) return [this.#check()];
    if (random.chance(0.25)) return [this.#checkLease()];
    if (random.chance(0.5)) return [this.#renegotiate()];
    if (random.chance(0.25)) return this.#revoke();
    // Until the session is known to be served, another private beach might be the first.
    if (this.#detaches || this.#state?.handshakeId === undefined || random.chance(0.3)) {
      return [{ kind: "Renew", token: "nobody's", ttlMs: undefined, leaseOnly: false }];
    }
    const elsewhere = { ...this.#place, beachId: "beach-elsewhere" };
    return [attachOf(elsewhere, "https://elsewhere.beach")];
  }

  #detach(): readonly Ask[] {
    const token = this.#token();
    return [
      { kind: "Detach", reason: "requested" },
      { kind: "CheckLease", token },
      { kind: "Detach", reason: "requested" },
    ];
  }

  /** More leases than a session may have. */
  #crowd(): readonly Ask[] {
    const attach = undefined;
    const ttlMs = 12_000;
    return [1, 2, 3].map(() => {
      this.#guests += 1;
      return { kind: "Acquire", account: "guest", reason: `${this.#guests}`, ttlMs, attach };
    });
  }

  #check(): Ask {
    const { random, timeline } = this.#world;
    const foreign = mintHandshakeId(timeline.now, random.hex(19), undefined);
    const handshakeId = random.pick([foreign, "from elsewhere", ...this.#handshakes]);
    return { kind: "CheckHandshake", handshakeId };
  }

  #checkLease(): Ask {
    return { kind: "CheckLease", token: this.#token() };
  }

  #renegotiate(): Ask {
    const { random } = this.#world;
    const seen = this.#state?.generation;
    const observedGeneration = random.pick([undefined, 0, seen, seen, seen]);
    const isOperator = random.chance(0.2);
    return {
      kind: "Renegotiate",
      token: isOperator ? undefined : this.#token(),
      reason: isOperator ? "operator" : random.pick(reasons),
      observedGeneration,
    };
  }

  #revoke(): readonly Ask[] {
    const { random } = this.#world;
    const leaseIds = random.chance(0.6) ? this.#leaseIds() : [];
    const holdMs = random.pick([undefined, 0, 3_000, 15_000]);
    return [{ kind: "Revoke", leaseIds, reason: "misused", holdMs }];
  }

  #leaseIds(): readonly string[] {
    return this.#holders.flatMap(({ lease }) => (lease === undefined ? [] : [lease.id]));
  }

  #token(): string {
    const tokens = this.#holders.flatMap(({ lease }) => (lease ? [lease.token] : []));
    return this.#world.random.pick(["nobody's", ...tokens, ...tokens, ...tokens, ...tokens]);
  }
}
