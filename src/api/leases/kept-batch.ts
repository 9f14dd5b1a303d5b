import { create, toBinary } from "@bufbuild/protobuf";

import { KeepAliveResultSchema } from "../../gen/beach/controller/v1/controller_lease_pb.js";
import { EncodedAnswer } from "../call/encoded-answer.ts";
import { WireWriter } from "../call/wire-writer.ts";
import { Kept, type ResultInit } from "./kept.ts";

/** What a renewal of a batch came to. */
export type BatchResult = Kept | ResultInit;

/** About what a result takes in binary. */
const bytesPerResult = 80;

/** The answer to a batch: a KeepAliveResponse, of which only what is rare is made a message first. */
export class KeptBatch extends EncodedAnswer {
  readonly #results: readonly BatchResult[];

  constructor(results: readonly BatchResult[]) {
    super();
    this.#results = results;
  }

  get results(): ResultInit[] {
    return this.#results.map((result) => (result instanceof Kept ? result.toMessage() : result));
  }

  override toBinary(): Uint8Array {
    const out = new WireWriter(this.#results.length * bytesPerResult);
    for (const result of this.#results) {
      if (result instanceof Kept) {
        const start = out.begin(1);
        result.write(out);
        out.end(start);
      } else out.encoded(1, toBinary(KeepAliveResultSchema, create(KeepAliveResultSchema, result)));
    }
    return out.written();
  }
}
