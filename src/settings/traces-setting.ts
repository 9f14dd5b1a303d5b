import type { Environment } from "./settings.ts";

/** Which calls are traced. */
export interface TracesSetting {
  readonly sampler: {
    readonly kind: "on" | "off" | "ratio";
    /** 0 to 1; of the kind `ratio`. */
    readonly ratio: number;
    /** A call whose caller says whether it is traced is traced by that. */
    readonly followsParent: boolean;
  };
}

/**
 * Traces are exported where OpenTelemetry's own variables name a receiver; undefined otherwise. A
 * sampler that is not known counts as the default, as OpenTelemetry asks.
 *
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export function tracesIn(env: Environment): TracesSetting | undefined {
  const receiver = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT;
  const isOff = env.OTEL_SDK_DISABLED?.toLowerCase() === "true";
  if (!receiver || isOff || env.OTEL_TRACES_EXPORTER === "none") return undefined;
  const name = env.OTEL_TRACES_SAMPLER ?? "";
  const known = samplers[name.replace(/^parentbased_/, "")];
  if (known === undefined) return { sampler: { kind: "on", ratio: 1, followsParent: true } };
  const followsParent = name.startsWith("parentbased_");
  return { sampler: { kind: known, ratio: ratioIn(env), followsParent } };
}

const samplers: Readonly<Record<string, TracesSetting["sampler"]["kind"]>> = {
  always_on: "on",
  always_off: "off",
  traceidratio: "ratio",
};

function ratioIn({ OTEL_TRACES_SAMPLER_ARG: text = "" }: Environment): number {
  const ratio = text === "" ? 1 : Number(text);
  return ratio >= 0 && ratio <= 1 ? ratio : 1;
}
