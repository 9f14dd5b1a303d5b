import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Client, createClient, type Transport } from "@connectrpc/connect";

import {
  ControllerLease,
  type KeepAliveRequestSchema,
  type KeepAliveResponse,
  type KeepAliveResult,
  type RenewRequestSchema,
} from "../../gen/beach/controller/v1/controller_lease_pb.js";
import { type ClientClock, systemClock } from "../calls/clock.ts";

export type Renewal = MessageInitShape<typeof RenewRequestSchema>;

export interface RenewalStreamOptions {
  /** KeepAlive needs HTTP/2: in Node, one of `createNodeTransport` with `grpc`. */
  readonly transport: Transport;
  /** Renewals that come within this time go in one message. */
  readonly gatherMs?: number;
  /** A message may wait so long for its answer; then the stream is given up. */
  readonly answerMsMax?: number;
  readonly clock?: ClientClock;
}

/** As many as the service takes in one message. */
const renewalsPerMessageMax = 1_000;
const gatherMsDefault = 50;
const answerMsMaxDefault = 5_000;

interface Waiting {
  readonly renewal: Renewal;
  readonly resolve: (result: KeepAliveResult) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Renews any number of leases over one KeepAlive stream, in batches.
 *
 * A refused renewal is a result like any other. When the stream breaks, the renewals on it reject:
 * whether they took effect is not known, and renewing twice is renewing once. The next renewal opens
 * another stream.
 */
export class RenewalStream implements AsyncDisposable {
  readonly #client: Client<typeof ControllerLease>;
  readonly #options: RenewalStreamOptions;
  readonly #clock: ClientClock;
  #waiting: Waiting[] = [];
  #cancelGathering: (() => void) | undefined;
  #stream: OpenStream | undefined;

  constructor(options: RenewalStreamOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#client = createClient(ControllerLease, options.transport);
  }

  renew(renewal: Renewal): Promise<KeepAliveResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ renewal, resolve, reject });
      if (this.#waiting.length >= renewalsPerMessageMax) this.#send();
      else this.#cancelGathering ??= this.#clock.startTimer(() => this.#send(), this.#gatherMs);
    });
  }

  /** What waits is rejected. The end of the stream ends no lease. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#cancelGathering?.();
    this.#cancelGathering = undefined;
    const error = new Error("the renewals were stopped");
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    await this.#stream?.end(error);
  }

  get #gatherMs(): number {
    return this.#options.gatherMs ?? gatherMsDefault;
  }

  #send(): void {
    this.#cancelGathering?.();
    this.#cancelGathering = undefined;
    const batch = this.#waiting.splice(0, renewalsPerMessageMax);
    if (batch.length > 0) this.#openStream().send(batch);
  }

  #openStream(): OpenStream {
    if (this.#stream?.isOpen) return this.#stream;
    this.#stream = new OpenStream(
      this.#client,
      this.#clock,
      this.#options.answerMsMax ?? answerMsMaxDefault,
    );
    return this.#stream;
  }
}

/** One stream. Its answers come in the order of its messages. */
class OpenStream {
  readonly #clock: ClientClock;
  readonly #answerMsMax: number;
  readonly #stop = new AbortController();
  readonly #unsent: (readonly Waiting[])[] = [];
  readonly #unanswered: (readonly Waiting[])[] = [];
  readonly #running: Promise<void>;
  #cancelWait: (() => void) | undefined;
  #wake: () => void = () => undefined;
  isOpen = true;

  constructor(client: Client<typeof ControllerLease>, clock: ClientClock, answerMsMax: number) {
    this.#clock = clock;
    this.#answerMsMax = answerMsMax;
    this.#running = this.#run(client);
  }

  send(batch: readonly Waiting[]): void {
    this.#unsent.push(batch);
    this.#unanswered.push(batch);
    if (this.#unanswered.length === 1) this.#await();
    this.#wake();
  }

  async end(error: Error): Promise<void> {
    this.#stop.abort(error);
    await this.#running;
  }

  async #run(client: Client<typeof ControllerLease>): Promise<void> {
    const { signal } = this.#stop;
    try {
      for await (const answer of client.keepAlive(this.#messages(), { signal })) this.#take(answer);
      this.#close(new Error("the service ended the stream"));
    } catch (error) {
      this.#close(signal.aborted ? signal.reason : error);
    }
  }

  async *#messages(): AsyncIterable<MessageInitShape<typeof KeepAliveRequestSchema>> {
    const { signal } = this.#stop;
    signal.addEventListener("abort", () => this.#wake());
    while (this.isOpen && !signal.aborted) {
      const batch = this.#unsent.shift();
      if (batch !== undefined) yield { renewals: batch.map(({ renewal }) => renewal) };
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #take({ results }: KeepAliveResponse): void {
    const batch = this.#unanswered.shift() ?? [];
    for (const [index, { resolve, reject }] of batch.entries()) {
      const result = results[index];
      if (result === undefined) reject(new Error("the answer has too few results"));
      else resolve(result);
    }
    this.#await();
  }

  /** Waits for the answer to the oldest message that has none. */
  #await(): void {
    this.#cancelWait?.();
    if (this.#unanswered.length === 0) return;
    const late = new Error(`no answer within ${this.#answerMsMax} ms`);
    this.#cancelWait = this.#clock.startTimer(() => this.#stop.abort(late), this.#answerMsMax);
  }

  #close(error: unknown): void {
    this.isOpen = false;
    this.#cancelWait?.();
    this.#wake();
    for (const { reject } of this.#unanswered.splice(0).flat()) reject(error);
  }
}
