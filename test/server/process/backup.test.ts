import { copyFile, mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

import { expect, test } from "vitest";

import {
  ChannelState,
  ConnectionState,
  TransportEnd,
  type TransportState,
} from "../../../src/gen/beach/controller/v1/transport_pb.js";
import {
  type Reach,
  type RunningService,
  runService,
  runToExit,
  spawnService,
} from "../../support/process/run-service.ts";
import { storeFolder } from "../../support/store/store-files.ts";

function backUp(service: Reach, query: string, headers = {}): Promise<Response> {
  return fetch(service.opsUrl(`/backup${query}`), { method: "POST", headers });
}

const sessionId = "session-1";

/** A lease of its own, and a handshake that comes up: the newest of all that is counted. */
async function grantAndPromote(service: Reach, reason: string) {
  const { registry, lease } = service;
  await registry.attachSession({ sessionId, privateBeachId: "b", requiredChannels: ["a"] });
  const granted = await lease.acquire({ sessionId, reason });
  const { offer } = await lease.renegotiate({ sessionId, reason: 4 });
  const report = {
    sessionId,
    handshakeId: offer?.handshakeId ?? "",
    end: TransportEnd.MANAGER,
    transportId: `connection of ${reason}`,
    connection: ConnectionState.CONNECTED,
    channels: [{ label: "a", state: ChannelState.READY }],
    reporterId: "manager-1",
  };
  await registry.reportTransport({ reports: [report] });
  const { transport } = await registry.checkHandshake({ sessionId, handshakeId: "none" });
  if (transport === undefined) throw new Error("the session has no transport");
  return { token: granted.controllerToken, epoch: granted.lease?.epoch ?? 0n, transport };
}

/** Puts a backup, and the key with it, where a new service finds them. */
async function restored(from: RunningService, backup: string, to: string): Promise<string> {
  const path = join(to, "data", "lease.db");
  await mkdir(dirname(path), { recursive: true });
  await copyFile(backup, path);
  await copyFile(`${from.storePath}.key`, `${path}.key`);
  return path;
}

test("a backup of a running service is restored, and no number is used again", async () => {
  await using elsewhere = await storeFolder();
  await using service = await runService({ store: "sqlite" });
  const kept = await grantAndPromote(service, "kept");
  const answer = await backUp(service, "?to=copy.db");
  expect(answer.status).toBe(201);
  const { path, bytes } = (await answer.json()) as { path: string; bytes: number };
  expect(path).toBe(join(dirname(service.storePath), "copy.db"));
  expect((await stat(path)).size).toBe(bytes);
  const lost = await grantAndPromote(service, "lost");
  await service.drain();

  const store = { path: await restored(service, path, elsewhere.path) };
  await using again = await runService({ store });
  const { token, transport } = kept;
  const { transport: shown } = await again.lease.renew({ sessionId, controllerToken: token });
  expect(shown).toMatchObject({
    handshakeId: transport.handshakeId,
    generation: transport.generation,
    liveLeases: 1,
  } satisfies Partial<TransportState>);
  const next = await grantAndPromote(again, "next");
  expect(next.epoch).toBeGreaterThan(lost.epoch);
  for (const counter of ["version", "leaseVersion", "generation"] as const) {
    expect(next.transport[counter]).toBeGreaterThan(lost.transport[counter]);
  }
});

test("a service continues from a backup put in the place of its own file", async () => {
  await using service = await runService({ store: "sqlite" });
  const { token } = await grantAndPromote(service, "kept");
  await backUp(service, "?to=copy.db");
  await service.drain();
  await rename(join(dirname(service.storePath), "copy.db"), service.storePath);
  await using again = await runService({ store: { path: service.storePath } });
  await again.registry.checkLease({ sessionId, controllerToken: token });
});

test("a backup that would meet the log of another file is not opened until the log is gone", async () => {
  await using folder = await storeFolder();
  const env = { LEASE_STORE_URL: `sqlite:${folder.storePath}` };
  await using service = await spawnService(env);
  const { token } = await grantAndPromote(service, "kept");
  await backUp(service, "?to=copy.db");
  await grantAndPromote(service, "lost");
  await service.stop("SIGKILL");
  const backup = await readFile(join(folder.path, "copy.db"));
  await rename(join(folder.path, "copy.db"), folder.storePath);

  const { code, stderr } = await runToExit(env);
  expect(code).toBe(1);
  expect(stderr).toContain(`the log beside it, '${folder.storePath}-wal', is another file's`);
  expect((await readFile(folder.storePath)).equals(backup)).toBe(true);
  await rm(`${folder.storePath}-wal`);
  await using again = await runService({ store: { path: folder.storePath } });
  await again.registry.checkLease({ sessionId, controllerToken: token });
});

test("a store that cannot be backed up is refused with the reason", async () => {
  await using service = await runService({ store: "sqlite" });
  const refusal = async (answer: Promise<Response>) => {
    const { status, json } = await answer.then(async (reply) => ({
      status: reply.status,
      json: (await reply.json()) as { error: string; message: string },
    }));
    return [status, json.error, json.message] as const;
  };
  const name = "a backup lies beside the store; name it with letters, digits, '.', '_' and '-'";
  expect(await refusal(backUp(service, ""))).toEqual([400, "bad_request", name]);
  expect(await refusal(backUp(service, "?to=../x.db"))).toEqual([400, "bad_request", name]);
  expect(await refusal(backUp(service, "?to=a&to=b"))).toEqual([400, "bad_request", name]);
  const taken = `'${service.storePath}' exists; name a file that does not`;
  expect(await refusal(backUp(service, "?to=lease.db"))).toEqual([409, "conflict", taken]);
  await using memory = await runService();
  const nothing = "LEASE_STORE_URL names no file: back up what it names instead";
  expect(await refusal(backUp(memory, "?to=copy.db"))).toEqual([409, "conflict", nothing]);
});

test("a page in a browser cannot make backups", async () => {
  await using service = await runService({ store: "sqlite" });
  const answer = await backUp(service, "?to=copy.db", { origin: "http://localhost:5173" });
  expect(answer.status).toBe(403);
  await expect(stat(join(dirname(service.storePath), "copy.db"))).rejects.toThrow("ENOENT");
});
