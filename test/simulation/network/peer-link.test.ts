import { expect, test } from "vitest";
import { Random } from "../../support/runs/random.ts";
import { Timeline } from "../timeline.ts";
import { type PeerEnd, PeerNetwork } from "./peer-link.ts";

async function connected(): Promise<{ peers: PeerNetwork; manager: PeerEnd }> {
  const timeline = new Timeline(0);
  const peers = new PeerNetwork({ timeline, random: new Random(1), draw: () => false });
  const manager = peers.join("handshake", "manager", () => undefined);
  peers.join("handshake", "host", () => undefined);
  await timeline.runUntil(10_000);
  return { peers, manager };
}

test("acks that are held come once all is calm", async () => {
  const { peers, manager } = await connected();
  peers.holdAcks("handshake", 40_000);
  expect(manager.unackedSince).toBe(10_000);
  peers.calmDown();
  expect(manager.unackedSince).toBeUndefined();
});

test("calm brings no acks from an end that was killed", async () => {
  const { peers, manager } = await connected();
  peers.kill("handshake", "host");
  peers.calmDown();
  expect(manager.unackedSince).toBe(10_000);
});
