import type { MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { createRouterTransport, type ServiceImpl, type Transport } from "@connectrpc/connect";

import {
  ControllerLease,
  type WatchTransportRequest,
  type WatchTransportResponseSchema,
} from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import {
  FastPathRegistry,
  type ReportTransportRequestSchema,
  type ReportTransportResponseSchema,
} from "../../src/gen/beach/controller/v1/fast_path_registry_pb.js";

type WatchMessage = MessageInitShape<typeof WatchTransportResponseSchema>;
type ReportRequest = MessageShape<typeof ReportTransportRequestSchema>;
type ReportAnswer = MessageInitShape<typeof ReportTransportResponseSchema>;

/** One watch stream as its server sees it. */
interface ServedWatch {
  readonly request: WatchTransportRequest;
  say(message: WatchMessage): void;
  state(state: StateShape): void;
  /** Ends the stream, as when the server goes away. */
  end(): void;
}

type StateShape = Extract<NonNullable<WatchMessage["event"]>, { case: "state" }>["value"];

/** A queue that is awaited. */
export function createQueue<T>(): { push(item: T): void; next(): Promise<T> } {
  const items: T[] = [];
  const takers: ((item: T) => void)[] = [];
  return {
    push: (item) => {
      const taker = takers.shift();
      if (taker === undefined) items.push(item);
      else taker(item);
    },
    next: () => {
      const item = items.shift();
      if (item !== undefined) return Promise.resolve(item);
      return new Promise((resolve) => takers.push(resolve));
    },
  };
}

export interface WatchService {
  readonly transport: Transport;
  /** The next stream that a reader opens. */
  opened(): Promise<ServedWatch>;
}

/** A service that answers and whose watch says what the test says, over a real Connect transport in memory. */
export function serveWatch(
  leases: Partial<Pick<ServiceImpl<typeof ControllerLease>, "acquire" | "renew">> = {},
): WatchService {
  const opened = createQueue<ServedWatch>();
  const transport = createRouterTransport(({ service }) => {
    service(ControllerLease, {
      ...leases,
      async *watchTransport(request, { signal }) {
        const messages = createQueue<WatchMessage | "end">();
        signal.addEventListener("abort", () => messages.push("end"));
        opened.push({
          request,
          say: (message) => messages.push(message),
          state: (value) => messages.push({ event: { case: "state", value } }),
          end: () => messages.push("end"),
        });
        for (;;) {
          const message = await messages.next();
          if (message === "end") return;
          yield message;
        }
      },
    });
  });
  return { transport, opened: () => opened.next() };
}

/** A registry that answers reports as the test says. */
export function serveReports(answer: (request: ReportRequest) => ReportAnswer): Transport {
  return createRouterTransport(({ service }) => {
    service(FastPathRegistry, { reportTransport: (request) => answer(request) });
  });
}
