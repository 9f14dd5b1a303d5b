import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";

import type { TracesSetting } from "../../settings/traces-setting.ts";
import { type Tracing, tracingByApi } from "./tracing.ts";

/** How long the last spans may take to be sent when the process ends. */
const lastSpansMs = 1_000;

export interface StartedTracing extends Tracing, AsyncDisposable {}

/**
 * Exports traces from now on. Loaded only where somebody receives them. The exporter reads its own
 * settings from OpenTelemetry's variables.
 */
export function startTracing({ sampler }: TracesSetting): StartedTracing {
  const ours = resourceFromAttributes({ "service.name": "controller-lease" });
  const resource = defaultResource()
    .merge(ours)
    .merge(detectResources({ detectors: [envDetector] }));
  const provider = new TracerProvider({
    resource,
    sampler: samplerOf(sampler),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  return {
    ...tracingByApi(),
    async [Symbol.asyncDispose]() {
      const late = new Promise<void>((resolve) => {
        AbortSignal.timeout(lastSpansMs).addEventListener("abort", () => resolve());
      });
      // Nobody may be there to receive them.
      await Promise.race([provider.shutdown().catch(() => undefined), late]);
    },
  };
}

function samplerOf({ kind, ratio, followsParent }: TracesSetting["sampler"]): Sampler {
  const root = rootSampler(kind, ratio);
  return followsParent ? new ParentBasedSampler({ root }) : root;
}

function rootSampler(kind: TracesSetting["sampler"]["kind"], ratio: number): Sampler {
  switch (kind) {
    case "on":
      return new AlwaysOnSampler();
    case "off":
      return new AlwaysOffSampler();
    case "ratio":
      return new TraceIdRatioBasedSampler(ratio);
  }
}
