import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";

import { openCalling } from "../../src/cli/calling/calling.ts";
import { failureOf } from "../../src/cli/failure.ts";
import { FastPathRegistry } from "../../src/client/contract.ts";
import { runService } from "../support/process/run-service.ts";
import { storeFolder } from "../support/store/store-files.ts";
import { startCli } from "./run-cli.ts";

test("a bearer's file that goes while a command runs is told as what it is", async () => {
  await using folder = await storeFolder();
  const path = join(folder.path, "bearer");
  await writeFile(path, "a-bearer");
  using calling = openCalling({ address: "127.0.0.1:1", timeout: "10s", "bearer-file": path });
  const complaint = async (): Promise<readonly [code: number, line: string]> => {
    const error = await createClient(FastPathRegistry, calling.transport)
      .listSessions({})
      .catch((thrown: unknown) => thrown);
    const { exitCode, message } = failureOf(error, calling.place);
    return [exitCode, message];
  };
  expect(await complaint()).toEqual([69, expect.stringContaining("cannot reach 127.0.0.1:1")]);
  for (const half of ["", "half a-bearer", "a-bearer\nanother"]) {
    await writeFile(path, half);
    const words = `${path} holds no bearer: it must be one token without spaces`;
    expect(await complaint()).toEqual([64, words]);
  }
  await rm(path);
  const words = `--bearer-file ${path} cannot be read (ENOENT): name a file that you may read`;
  expect(await complaint()).toEqual([64, words]);
});

test("watch outlives a bearer's file that is away for a while, and says so", async () => {
  await using folder = await storeFolder();
  const path = join(folder.path, "bearer");
  await writeFile(path, "a-bearer");
  const first = await runService();
  const address = first.addresses.grpc;
  const watch = startCli(["watch", "s1", "--bearer-file", path, "--address", address]);
  const synced = "connected: all there was has been shown";
  await expect.poll(watch.stderr).toEqual([synced]);
  await rm(path);
  await first[Symbol.asyncDispose]();
  const away = `--bearer-file ${path} cannot be read (ENOENT): name a file that you may read`;
  await expect.poll(watch.stderr).toContain(`${away}; connecting again`);
  await using _second = await runService({ env: { LEASE_GRPC_LISTEN: address } });
  await writeFile(path, "a-bearer");
  await expect.poll(() => watch.stderr().at(-1)).toBe(synced);
  watch.kill("SIGINT");
  expect((await watch.ended).code).toBe(0);
});
