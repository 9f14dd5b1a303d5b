import {
  type Attributes,
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";

/** Traces of OpenTelemetry, where they are exported to somebody. */
export interface Tracing {
  /** A call at a door, as a child of the span that its caller names in W3C's `traceparent`. */
  serve(call: ServedCall, headers: Headers): ServedSpan;
  /** A child of the call at hand; the work alone where there is none. */
  child<T>(asked: Child, work: (headers: Record<string, string>) => Promise<T>): Promise<T>;
}

/** Headers of a request. */
interface Headers {
  get(name: string): string | null;
}

/** What every call of a kind has in common. */
export interface ServedCall {
  readonly name: string;
  readonly attributes: Attributes;
  /** The attribute that says how it was answered. */
  readonly status: string;
}

export interface Child {
  readonly name: string;
  readonly attributes: Attributes;
  /** Another service does the work, which gets the headers. */
  readonly isRemote?: boolean;
}

export interface ServedSpan {
  /** The work is part of the call. */
  run<T>(work: () => T): T;
  /** @param fault what went wrong on our side */
  end(status: string | number, fault?: string): void;
}

/** By the tracer, context and propagation that are registered with the API of OpenTelemetry. */
export function tracingByApi(): Tracing {
  const tracer = trace.getTracer("controller-lease");
  return {
    serve({ name, attributes, status }, headers) {
      const parent = propagation.extract(ROOT_CONTEXT, headers, readHeaders);
      const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
      return new Served(span, trace.setSpan(parent, span), status);
    },
    child: (asked, work) =>
      trace.getActiveSpan() === undefined ? work({}) : childOf(tracer, asked, work),
  };
}

const readHeaders = {
  get: (headers: Headers, name: string) => headers.get(name) ?? undefined,
  keys: () => [],
};

class Served implements ServedSpan {
  readonly #span: Span;
  readonly #context: Context;
  readonly #status: string;

  constructor(span: Span, within: Context, status: string) {
    this.#span = span;
    this.#context = within;
    this.#status = status;
  }

  run<T>(work: () => T): T {
    return context.with(this.#context, work);
  }

  end(status: string | number, fault?: string): void {
    this.#span.setAttribute(this.#status, status);
    if (fault !== undefined) this.#span.setStatus({ code: SpanStatusCode.ERROR, message: fault });
    this.#span.end();
  }
}

async function childOf<T>(
  tracer: Tracer,
  { name, attributes, isRemote = false }: Child,
  work: (headers: Record<string, string>) => Promise<T>,
): Promise<T> {
  const kind = isRemote ? SpanKind.CLIENT : SpanKind.INTERNAL;
  const span = tracer.startSpan(name, { kind, attributes });
  const within = trace.setSpan(context.active(), span);
  const headers: Record<string, string> = {};
  if (isRemote) propagation.inject(within, headers);
  try {
    return await context.with(within, () => work(headers));
  } catch (error) {
    // Its text may hold what was sent.
    const message = error instanceof Error ? error.name : "unknown";
    span.setStatus({ code: SpanStatusCode.ERROR, message });
    throw error;
  } finally {
    span.end();
  }
}

/** Surrounds each request to Beach Road, which gets the headers. */
export type RoadSpans = <T>(
  call: string,
  request: (headers: Readonly<Record<string, string>>) => Promise<T>,
) => Promise<T>;

export function roadSpans(tracing: Tracing | undefined): RoadSpans | undefined {
  if (tracing === undefined) return undefined;
  return (call, request) => {
    const attributes = { "http.request.method": "POST", "peer.service": "beach-road" };
    return tracing.child({ name: `road ${call}`, attributes, isRemote: true }, request);
  };
}
