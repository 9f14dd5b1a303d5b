import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { beach } from "../api/conformance/conformance-subject.ts";
import { type RunningService, runService } from "../support/process/run-service.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
/** Where Debian's packages for Python are. */
const python = "/usr/bin/python3";
const callMsMax = 60_000;

/** Whether a program answers; why not is printed, as the reason for tests that are skipped. */
function answers(file: string, args: readonly string[], debianPackage: string): boolean {
  try {
    execFileSync(file, args, { stdio: "ignore" });
    return true;
  } catch {
    process.stderr.write(`skipping tests with ${debianPackage}: it is not installed\n`);
    return false;
  }
}

const hasPython = [
  answers(python, ["-c", "import grpc"], "python3-grpcio"),
  answers("protoc", ["--version"], "protobuf-compiler"),
  answers("which", ["grpc_python_plugin"], "protobuf-compiler-grpc"),
].every(Boolean);
const hasCurl = answers("curl", ["--version"], "curl");

/** Generates Python from the contract. */
async function generate(folder: string): Promise<void> {
  const image = join(folder, "image.binpb");
  await run(join(root, "node_modules/.bin/buf"), ["build", "-o", image], { cwd: root });
  const { stdout: plugin } = await run("which", ["grpc_python_plugin"]);
  await run("protoc", [
    `--descriptor_set_in=${image}`,
    `--python_out=${folder}`,
    `--grpc_out=${folder}`,
    `--plugin=protoc-gen-grpc=${plugin.trim()}`,
    "beach/controller/v1/transport.proto",
    "beach/controller/v1/controller_lease.proto",
    "beach/controller/v1/fast_path_registry.proto",
    "google/rpc/error_details.proto",
    "google/rpc/status.proto",
  ]);
}

describe.runIf(hasPython)("A client on gRPC's C core, generated from the contract", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lease-interop-"));
    await generate(folder);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("acquires, reports, renews, watches, and reads refusals from the trailers", async () => {
    await using service = await runService();
    const client = join(import.meta.dirname, "grpc_client.py");
    const { stdout } = await run(python, [client, service.addresses.grpc], {
      env: { PATH: "/usr/bin:/bin", PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: "1" },
      timeout: callMsMax,
    });
    const domain = "controller.beach";
    expect(JSON.parse(stdout)).toEqual({
      seen: ["state", "bookmark"],
      acquired: "HANDSHAKE_KIND_RENEGOTIATE",
      verdict: "",
      sameHandshake: true,
      renewed: "HANDSHAKE_KIND_REFRESH",
      kept: [1, 1],
      refusals: {
        unknown: {
          code: "FAILED_PRECONDITION",
          status_code: 9,
          message: expect.stringContaining("Cannot renew the lease"),
          reason: "LEASE_NOT_LIVE",
          domain,
          metadata: { ended_by: "unknown" },
          fields: [],
          retries: null,
        },
        invalid: {
          code: "INVALID_ARGUMENT",
          status_code: 3,
          message: expect.stringContaining('"session_id"'),
          reason: "FIELD_INVALID",
          domain,
          metadata: {},
          fields: ["session_id", "reason"],
          retries: null,
        },
        revoked: {
          code: "PERMISSION_DENIED",
          status_code: 7,
          message: expect.stringContaining("revoked"),
          reason: "REVOKED",
          domain,
          metadata: {},
          fields: [],
          retries: expect.toSatisfy((waitMs: number) => waitMs > 50_000 && waitMs <= 60_000),
        },
      },
    });
  });
});

interface Curled {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Calls an rpc with nothing but curl, in Connect's JSON. */
async function curl(service: RunningService, rpc: string, message: unknown): Promise<Curled> {
  const { stdout } = await run("curl", [
    ...["--silent", "--show-error", "--max-time", "20", "--write-out", "\n%{http_code}"],
    ...["--header", "content-type: application/json", "--data", JSON.stringify(message)],
    service.httpUrl(`/beach.controller.v1.ControllerLease/${rpc}`),
  ]);
  const [body = "", status] = stdout.split("\n");
  return { status: Number(status), body: JSON.parse(body) };
}

describe.runIf(hasCurl)("curl, in Connect's JSON", () => {
  test("acquires, renews, is refused, and releases", async () => {
    await using service = await runService();
    const sessionId = "interop-2";
    const acquired = await curl(service, "Acquire", {
      sessionId,
      privateBeachId: beach,
      passcode: "1234",
      reason: "curl",
      ttl: "20s",
    });
    expect(acquired).toMatchObject({
      status: 200,
      body: {
        lease: { sessionId, reason: "curl", epoch: expect.stringMatching(/^\d+$/) },
        controllerToken: expect.stringMatching(/^[\w-]{43}$/),
        handshakeKind: "HANDSHAKE_KIND_RENEGOTIATE",
        offer: { handshakeId: expect.any(String) },
      },
    });
    const named = { sessionId, controllerToken: acquired.body.controllerToken };
    expect(await curl(service, "Renew", { ...named, leaseOnly: true })).toMatchObject({
      status: 200,
      body: { handshakeKind: "HANDSHAKE_KIND_REFRESH" },
    });
    expect(await curl(service, "Release", named)).toMatchObject({
      status: 200,
      body: { released: true },
    });
    expect(await curl(service, "Renew", named)).toMatchObject({
      status: 400,
      body: {
        code: "failed_precondition",
        message: expect.stringContaining("Cannot renew the lease"),
        details: [
          {
            type: "google.rpc.ErrorInfo",
            debug: { reason: "LEASE_NOT_LIVE", metadata: { ended_by: "released" } },
          },
        ],
      },
    });
  });
});
