import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import type { Deployment } from "kubernetes-types/apps/v1.js";
import type { ConfigMap, Container, Probe, Service } from "kubernetes-types/core/v1.js";
import type { NetworkPolicy } from "kubernetes-types/networking/v1.js";
import type { PodDisruptionBudget } from "kubernetes-types/policy/v1.js";
import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";

import { drainMsMax } from "../../src/running-app.ts";
import { runService } from "../support/process/run-service.ts";
import {
  bytesOf,
  type Env,
  imageEnv,
  memoryMaxOf,
  portsOf,
  read,
  root,
  settingsFrom,
} from "./deployed.ts";

type Manifest = ConfigMap | Deployment | NetworkPolicy | PodDisruptionBudget | Service;

const text = read("src/deploy/kubernetes.yaml");
const manifests: readonly Manifest[] = parseAllDocuments(text).map((document) => document.toJS());
const deployment = only("Deployment");
const pod = deployment.spec?.template.spec ?? expect.fail("no pod");
const container: Container = pod.containers[0] ?? expect.fail("no container");
const services = manifests.filter((one): one is Service => one.kind === "Service");

describe("The Kubernetes manifest", () => {
  test("has only fields that Kubernetes has", async () => {
    expect(await typeFaults(manifests)).toBe("");
    const misspelt = { ...deployment, spec: { ...deployment.spec, replica: 2 } };
    expect(await typeFaults([misspelt as Manifest])).toContain(
      "does not exist in type 'DeploymentSpec'",
    );
  });

  test("gives the service settings that it takes", () => {
    const settings = settingsFrom(environment());
    expect(settings).toMatchObject({ auth: { kind: "jwt" }, store: { kind: "redis" } });
    expect(settings.publishTokenSecret).toBeDefined();
    expect(pod.enableServiceLinks).toBe(false);
  });

  test("leads to the ports of the settings by their names", () => {
    const ports = portsOf(settingsFrom(environment()));
    const named = Object.fromEntries(
      (container.ports ?? []).map(({ name, containerPort }) => [name, containerPort]),
    );
    expect(named).toEqual(ports);
    const served = services.flatMap(({ spec }) => spec?.ports ?? []);
    expect(Object.fromEntries(served.map(({ targetPort, port }) => [targetPort, port]))).toEqual(
      ports,
    );
    const admitted = (only("NetworkPolicy").spec?.ingress ?? []).flatMap(({ ports = [] }) => ports);
    expect(admitted.map(({ port }) => port).toSorted()).toEqual(Object.keys(ports).toSorted());
  });

  test("shows gRPC clients each process, and the ops door to nobody else but its tools", () => {
    const grpc = services.find(({ spec }) => spec?.ports?.[0]?.name === "grpc");
    expect(grpc?.spec?.clusterIP).toBe("None");
    const rules = only("NetworkPolicy").spec?.ingress ?? [];
    const open = rules.filter(({ from }) => from === undefined);
    expect(open.flatMap(({ ports = [] }) => ports.map(({ port }) => port))).toEqual(["http"]);
  });

  test("has a Service where Prometheus looks, under the job that the alerts read", () => {
    const [, snippet = ""] =
      /```yaml\n(scrape_configs:[^`]+)```/.exec(read("src/deploy/README.md")) ?? [];
    const { scrape_configs: scrapes } = parse(snippet) as { scrape_configs: readonly Scrape[] };
    const { job_name: job, dns_sd_configs: places = [] } = scrapes[0] ?? {};
    const jobs = read("src/observe/operators/alerts.yaml").matchAll(/\bjob="([^"]*)"/g);
    expect([...new Set([...jobs].map(([, name]) => name))]).toEqual([job]);
    const ops = services.find(({ spec }) => spec?.ports?.[0]?.name === "ops");
    // Without an address of its own, its name leads to each process.
    expect(ops?.spec?.clusterIP).toBe("None");
    const port = ops?.spec?.ports?.[0]?.port;
    const names = [`${ops?.metadata?.name}.beach.svc.cluster.local`];
    expect(places).toEqual([{ names, type: "A", port }]);
  });

  test("selects its pods wherever it selects any", () => {
    const labels = deployment.spec?.template.metadata?.labels;
    const selectors = [
      deployment.spec?.selector.matchLabels,
      pod.topologySpreadConstraints?.[0]?.labelSelector?.matchLabels,
      only("PodDisruptionBudget").spec?.selector?.matchLabels,
      only("NetworkPolicy").spec?.podSelector.matchLabels,
      ...services.map(({ spec }) => spec?.selector),
    ];
    expect(selectors).toEqual(selectors.map(() => labels));
  });

  test("keeps a process serving while the other is replaced or evicted", () => {
    const { replicas, strategy } = deployment.spec ?? {};
    expect(replicas).toBe(2);
    expect(strategy?.rollingUpdate?.maxUnavailable).toBe(0);
    expect(only("PodDisruptionBudget").spec?.maxUnavailable).toBe(1);
  });

  test("gives a drain its time after what comes before it", () => {
    const beforeMs = (container.lifecycle?.preStop?.sleep?.seconds ?? 0) * 1000;
    expect(beforeMs).toBeGreaterThan(0);
    const graceMs = (pod.terminationGracePeriodSeconds ?? 0) * 1000;
    expect(graceMs).toBeGreaterThan(beforeMs + drainMsMax + 1000);
  });

  test("probes routes that the ops door has", async () => {
    await using service = await runService();
    const probes = [container.startupProbe, container.readinessProbe, container.livenessProbe];
    for (const probe of probes) {
      expect(probe?.httpGet?.port).toBe("ops");
      expect((await fetch(service.opsUrl(probe?.httpGet?.path ?? ""))).status).toBe(200);
    }
  });

  test("waits with its restarts until a start has given Redis up", () => {
    const { redisWaitMs } = settingsFrom(environment());
    const { periodSeconds = 0, failureThreshold = 0 }: Probe = container.startupProbe ?? {};
    expect(periodSeconds * failureThreshold * 1000).toBeGreaterThan(redisWaitMs);
  });

  test("runs as the image does, and with no more rights than it needs", () => {
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 1000,
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(pod.automountServiceAccountToken).toBe(false);
  });

  test("has memory for as many sessions as it allows", () => {
    const limit = bytesOf(String(container.resources?.limits?.memory));
    expect(memoryMaxOf(settingsFrom(environment()))).toBeLessThan(limit);
  });
});

interface Scrape {
  readonly job_name: string;
  readonly dns_sd_configs: readonly object[];
}

interface Kinds {
  readonly Deployment: Deployment;
  readonly NetworkPolicy: NetworkPolicy;
  readonly PodDisruptionBudget: PodDisruptionBudget;
  readonly ConfigMap: ConfigMap;
}

function only<Kind extends keyof Kinds>(kind: Kind): Kinds[Kind] {
  const found = manifests.filter((manifest) => manifest.kind === kind);
  expect(found, kind).toHaveLength(1);
  return found[0] as Kinds[Kind];
}

/** What the container is started with, where the Secret is made as the manifest says. */
function environment(): Env {
  const secret = new Map(
    [...text.matchAll(/^# +--from-literal=(\w+)="?([^"\s]+)/gm)].map(
      ([, name = "", value = ""]) => [name, value.startsWith("$(") ? "k".repeat(44) : value],
    ),
  );
  const named = (container.env ?? []).map(({ name, valueFrom }): [string, string] => {
    expect(valueFrom?.secretKeyRef?.key).toBe(name);
    return [name, secret.get(name) ?? expect.fail(`the Secret has no ${name}`)];
  });
  expect(named.map(([name]) => name)).toEqual([...secret.keys()]);
  const { metadata, data } = only("ConfigMap");
  expect(container.envFrom?.[0]?.configMapRef?.name).toBe(metadata?.name);
  return { ...imageEnv(), ...data, ...Object.fromEntries(named) };
}

/** What the compiler has against manifests that are written as values of Kubernetes' types. */
async function typeFaults(objects: readonly Manifest[]): Promise<string> {
  const folder = join(root, "node_modules/.cache/kubernetes");
  const lines = objects.map((object, index) => {
    const group = (object.apiVersion ?? "").replace(".k8s.io", "");
    const module = group.includes("/") ? group : `core/${group}`;
    const type = `import("kubernetes-types/${module}.js").${object.kind}`;
    return `export const manifest${index}: ${type} = ${JSON.stringify(object)};`;
  });
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${objects.length}-manifests.ts`);
  await writeFile(file, lines.join("\n"));
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const flags = ["--ignoreConfig", "--noEmit", "--strict", "--module", "nodenext"];
  const outcome = await promisify(execFile)(process.execPath, [compiler, ...flags, file]).catch(
    (error: { readonly stdout: string }) => error,
  );
  await rm(file);
  return outcome.stdout;
}
