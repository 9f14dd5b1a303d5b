import { Window } from "happy-dom";
import { createElement, type ReactNode, StrictMode } from "react";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import {
  ControllerLeaseProvider,
  type ControllerLeaseView,
  type LeaseOptions,
  useControllerLease,
  useWatchStatus,
} from "../../src/client/react.ts";
import { LeaseWorld, sessionId } from "./tile/lease-world.ts";

// React itself, rendering into a document that is not a browser's.

const window = new Window();
const names = ["window", "document", "IS_REACT_ACT_ENVIRONMENT"] as const;
const scope = globalThis as Record<string, unknown>;

beforeAll(() => Object.assign(scope, { window, document: window.document }));
afterAll(async () => {
  for (const name of names) delete scope[name];
  await window.happyDOM.close();
});

let world: LeaseWorld;
beforeEach(async () => {
  world = await LeaseWorld.open();
});
afterEach(() => world[Symbol.asyncDispose]());

interface Rendered {
  /** What the tile shows. */
  readonly text: () => string;
  show(node: ReactNode): Promise<void>;
  end(): Promise<void>;
}

async function render(node: ReactNode): Promise<Rendered> {
  scope.IS_REACT_ACT_ENVIRONMENT = false;
  const { createRoot } = await import("react-dom/client");
  const container = window.document.createElement("div");
  const root = createRoot(container as unknown as Element);
  const show = async (next: ReactNode): Promise<void> => {
    root.render(createElement(ControllerLeaseProvider, { client: world.client }, next));
    await drawn();
  };
  await show(node);
  return {
    text: () => container.textContent,
    show,
    end: async () => {
      root.unmount();
      await drawn();
    },
  };
}

/** React draws in tasks of its own; then time passes for the page and the service. */
async function drawn(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setTimeout(resolve));
  await world.advance(300);
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setTimeout(resolve));
}

let views: ControllerLeaseView[] = [];
function Tile({ session }: { readonly session: string | LeaseOptions | undefined }): ReactNode {
  const view = useControllerLease(session);
  views.push(view);
  return `${view.state.kind} ${useWatchStatus()};`;
}

const tile = (session: string | LeaseOptions | undefined, key?: string): ReactNode =>
  createElement(Tile, { session, key: key ?? "tile" });

test("a tile holds a lease while it is mounted, and shows how it is", async () => {
  const page = await render(tile(sessionId));
  expect(page.text()).toBe("held synced;");
  expect(await world.liveLeases()).toHaveLength(1);
  await page.end();
  expect(await world.liveLeases()).toEqual([]);
});

test("strict mode, which mounts twice, acquires once", async () => {
  const page = await render(createElement(StrictMode, null, tile(sessionId)));
  expect(page.text()).toBe("held synced;");
  expect(world.called.filter((name) => name !== "watchTransport")).toEqual(["acquire"]);
  await page.end();
  expect(await world.liveLeases()).toEqual([]);
});

test("tiles of one session share a lease, and the last one gives it up", async () => {
  const page = await render([tile(sessionId, "a"), tile(sessionId, "b")]);
  expect(page.text()).toBe("held synced;held synced;");
  expect(await world.liveLeases()).toHaveLength(1);
  await page.show([tile(sessionId, "a")]);
  expect(await world.liveLeases()).toHaveLength(1);
  await page.end();
  expect(await world.liveLeases()).toEqual([]);
});

test("a tile moves to another session, or to none", async () => {
  await world.registry.attachSession({ sessionId: "session-2", privateBeachId: "beach-1" });
  const page = await render(tile(sessionId));
  await page.show(tile("session-2"));
  expect(await world.liveLeases()).toMatchObject([{ sessionId: "session-2" }]);
  await page.show(tile(undefined));
  expect(page.text()).toMatch(/^idle/);
  expect(await world.liveLeases()).toEqual([]);
  await page.end();
});

test("a tile is drawn anew when its lease is lost, and may ask for it again", async () => {
  views = [];
  const page = await render(tile(sessionId));
  await world.registry.revokeLeases({ sessionId, hold: { seconds: 0n, nanos: 0 } });
  await world.advance(1_500);
  await drawn();
  expect(page.text()).toMatch(/^lost/);
  expect(views.at(-1)).toMatchObject({ state: { endedBy: "revoked" }, lease: undefined });
  views.at(-1)?.retry();
  await drawn();
  expect(page.text()).toMatch(/^held/);
  await page.end();
});

test("the callback of the last drawing is the one that relays", async () => {
  const relayed: string[] = [];
  const options = (name: string): LeaseOptions => ({
    sessionId,
    onRelay: ({ offer }) => {
      relayed.push(`${name} ${offer.handshakeId === "" ? "nothing" : "an offer"}`);
      if (name === "first") throw new Error("not yet");
    },
  });
  const page = await render(tile(options("first")));
  await page.show(tile(options("second")));
  views.at(-1)?.retry();
  await drawn();
  expect(relayed).toEqual(["first an offer", "second an offer"]);
  expect(await world.liveLeases()).toHaveLength(1);
  await page.end();
});
