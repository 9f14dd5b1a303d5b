import { execFile } from "node:child_process";
import { cpSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, delimiter, dirname, isAbsolute, join } from "node:path";
import { promisify } from "node:util";

import { readEnv } from "../../src/settings/read-env.ts";
import type { Stage, Step } from "./dockerfile.ts";

type Env = Readonly<Record<string, string>>;

/** A folder that stands for the image that a Dockerfile describes: the same files, on this machine. */
export interface StandIn extends AsyncDisposable {
  /** Where its commands run. */
  readonly cwd: string;
  readonly env: Env;
  /** Whom its commands run as; undefined where this process may choose nobody. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
}

/** Users of the base image by name. */
const users: Readonly<Record<string, number>> = { root: 0, node: 1000 };

interface Built {
  readonly root: string;
  cwd: string;
  env: Env;
  user: number;
}

/**
 * Carries out COPY and RUN in order, each stage in an empty folder of its own. The base image is
 * this machine with the Node that runs the tests.
 * @param context the folder that is built from, without what `ignored` leaves out
 */
export async function buildStandIn(
  stages: readonly Stage[],
  context: string,
  ignored: string,
): Promise<StandIn> {
  const folder = await mkdtemp(join(tmpdir(), "lease-image-"));
  await using files = new AsyncDisposableStack();
  files.defer(() => rm(folder, { recursive: true, force: true }));
  // The user of the image has to get in.
  await chmod(folder, 0o755);
  const built = new Map<string, Built>();
  const sources = (name: string | undefined): Source => {
    if (name === undefined) return { root: context, isIn: contextFilter(ignored) };
    return { root: known(built, name).root, isIn: undefined };
  };
  for (const [index, { name = String(index), steps }] of stages.entries()) {
    const root = join(folder, name);
    await mkdir(root);
    const stage: Built = { root, cwd: root, env: {}, user: 0 };
    built.set(name, stage);
    for (const step of steps) await carryOut(step, stage, sources);
  }
  const { cwd, env, user } = known(built, [...built.keys()].at(-1) ?? "");
  const owned = files.move();
  return {
    cwd,
    env,
    user: process.getuid?.() === 0 ? { uid: user, gid: user } : undefined,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

interface Source {
  readonly root: string;
  /** By the path within the root; undefined where all of it is. */
  readonly isIn: ((path: string) => boolean) | undefined;
}

async function carryOut(
  step: Step,
  stage: Built,
  sources: (name: string | undefined) => Source,
): Promise<void> {
  switch (step.kind) {
    case "workdir":
      stage.cwd = join(stage.root, step.path);
      await mkdir(stage.cwd, { recursive: true });
      return;
    case "env":
      stage.env = { ...stage.env, ...step.values };
      return;
    case "run":
      return run(step.command, stage);
    case "copy":
      return copy(step, stage, sources(step.from));
    case "user":
      stage.user = idOf(step.name);
      return;
    case "volume":
    case "ports":
    case "health":
    case "start":
  }
}

async function run(command: string, { cwd, env }: Built): Promise<void> {
  if (/(^|[\s=:])\//.test(command)) throw new Error(`"${command}" may reach out of the folder`);
  await promisify(execFile)("sh", ["-ec", command], { cwd, env: { ...hostEnv(), ...env } });
}

async function copy(
  { sources, target, owner: name = "root" }: Extract<Step, { readonly kind: "copy" }>,
  { root, cwd }: Built,
  { root: from, isIn }: Source,
): Promise<void> {
  const place = isAbsolute(target) ? join(root, target) : join(cwd, target);
  for (const path of sources) {
    const source = join(from, path);
    const to = target.endsWith("/") ? join(place, basename(path)) : place;
    const filter = isIn && { filter: (one: string) => isIn(one.slice(from.length + 1)) };
    // Far faster than the asynchronous one where there is nothing to filter.
    cpSync(source, to, { recursive: true, verbatimSymlinks: true, ...filter });
    if (name !== "root") await giveTo(to, idOf(name.split(":")[0] ?? ""));
  }
}

async function giveTo(path: string, id: number): Promise<void> {
  const inside = await readdir(path, { recursive: true });
  for (const one of ["", ...inside]) await chown(join(path, one), ...owner(id));
}

/** Only root may give files away. */
function owner(id: number): [uid: number, gid: number] {
  const own = process.getuid?.() ?? 0;
  return own === 0 ? [id, id] : [own, process.getgid?.() ?? 0];
}

/** As Docker reads a .dockerignore: the last line that fits a path, or a folder above it, decides. */
export function contextFilter(ignored: string): (path: string) => boolean {
  const lines = ignored.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return (path) => {
    const names = path.split("/");
    const paths = names.map((_, index) => names.slice(0, index + 1).join("/"));
    const last = lines.findLast((line) => {
      const pattern = patternOf(line.replace(/^!/, ""));
      return paths.some((one) => pattern.test(one));
    });
    return last === undefined || last.startsWith("!");
  };
}

/** Unlike in a shell, a star stands for names that begin with a dot as well. */
function patternOf(line: string): RegExp {
  const pattern = line
    .replaceAll(".", "\\.")
    .replace(/^\*\*\//, "(.+/)?")
    .replaceAll(/(?<!\))\*/g, "[^/]*");
  return new RegExp(`^${pattern}$`);
}

/** The environment of this machine, with the Node that runs the tests before any other. */
export function hostEnv(): Env {
  const given = Object.entries(readEnv()).flatMap(([name, value]) =>
    value === undefined || /^(LEASE_|NODE_ENV$)/.test(name) ? [] : [[name, value] as const],
  );
  const env = Object.fromEntries(given);
  return { ...env, PATH: [dirname(process.execPath), env.PATH].join(delimiter) };
}

function known<Value>(values: ReadonlyMap<string, Value>, name: string): Value {
  const value = values.get(name);
  if (value === undefined) throw new Error(`there is no stage ${name}`);
  return value;
}

function idOf(name: string): number {
  const id = users[name];
  if (id === undefined) throw new Error(`the base image has no user ${name}`);
  return id;
}
