import { join } from "node:path";

import { describe, expect, it } from "vitest";

import {
  ChannelState,
  ConnectionState,
  TransportEnd,
} from "../../src/gen/beach/controller/v1/transport_pb.js";
import { type RunningService, runService } from "../support/process/run-service.ts";
import { servePage } from "./built-page.ts";
import { chromiumPath, openBrowser } from "./chromium.ts";

const sessionId = "session-1";

describe.runIf(chromiumPath !== undefined)("A tile in a real browser", () => {
  it("acquires, renews and watches through the public door, and sees a fallback", async () => {
    await using service = await runService();
    await using page = await servePage(join(import.meta.dirname, "page"));
    await using browser = await openBrowser();
    await service.registry.attachSession({ sessionId, privateBeachId: "beach-1" });

    const tab = await browser.context.newPage();
    await tab.goto(`${page.url}?service=${service.httpUrl("")}&session=${sessionId}`);
    const shown = (id: string, text: RegExp): Promise<unknown> =>
      tab.locator(`#${id}`, { hasText: text }).waitFor();
    await shown("lease", /held .+/);
    const offered = (await tab.locator("#lease").textContent())?.replace("held ", "") ?? "";

    await report(service, offered, ConnectionState.CONNECTED);
    await shown("path", /^FAST_PATH$/);
    await tab.locator("#renew").click();
    await shown("answers", /^REFRESH$/);

    await report(service, offered, ConnectionState.CLOSED);
    await shown("path", /^HTTP_FALLBACK$/);
    await shown("reason", /^connection_closed$/);
    await tab.locator("#renew").click();
    await shown("answers", /^REFRESH RENEGOTIATE$/);
    expect(await tab.locator("#trouble").textContent()).toBe("");
  }, 30_000);
});

async function report(
  { registry }: RunningService,
  handshakeId: string,
  connection: ConnectionState,
): Promise<void> {
  const labels = ["mgr-actions", "mgr-acks", "mgr-state"];
  const up = connection === ConnectionState.CONNECTED;
  const state = up ? ChannelState.READY : ChannelState.CLOSED;
  const { verdicts } = await registry.reportTransport({
    reports: [
      {
        sessionId,
        handshakeId,
        end: TransportEnd.MANAGER,
        transportId: "transport-1",
        connection,
        channels: labels.map((label) => ({ label, state })),
        reporterId: "manager-1",
      },
    ],
  });
  expect(verdicts.map((verdict) => verdict.refusal)).toEqual([""]);
}
