import { once } from "node:events";
import { request } from "node:http";

import { afterAll, beforeAll, expect, test } from "vitest";

import type { FromDemo } from "../../src/demo/pong/wire.ts";
import { type CourtUnderTest, startCourt } from "../support/process/court-under-test.ts";

let running: CourtUnderTest;

beforeAll(async () => {
  running = await startCourt();
});
afterAll(() => running[Symbol.asyncDispose]());

/** Headers as they are given, `host` included; answers the status. */
async function statusOf(
  path: string,
  headers: Readonly<Record<string, string>>,
  body?: object,
): Promise<number | undefined> {
  const asked = request(new URL(path, running.url), {
    method: body === undefined ? "GET" : "POST",
    headers: { "content-type": "application/json", ...headers },
  });
  asked.end(body === undefined ? undefined : JSON.stringify(body));
  const [answer] = await once(asked, "response");
  answer.destroy();
  return answer.statusCode;
}

test("the page comes with a policy that allows nothing inline and nothing from elsewhere", async () => {
  const answer = await fetch(running.url);
  const page = await answer.text();
  expect(answer.headers.get("content-security-policy")).toMatch(
    /^default-src 'none'; script-src 'self'; style-src 'self';/,
  );
  expect(page).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=|\sstyle=/);
  for (const [, path = ""] of page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)) {
    expect((await fetch(new URL(path, running.url))).status).toBe(200);
  }
  expect((await fetch(new URL("/nothing", running.url))).status).toBe(404);
});

test("neither another site nor a name that points here can look in or press a button", async () => {
  const { host, port, origin } = new URL(running.url);
  const move = { to: 45 };
  const strangers = [
    { host: `evil.example:${port}` },
    { host: `evil.example:${port}`, origin: `http://evil.example:${port}` },
    { host, origin: "http://evil.example" },
    { host, origin: "null" },
  ];
  for (const headers of strangers) {
    expect(await statusOf("/", headers)).toBe(403);
    expect(await statusOf("/stream", headers)).toBe(403);
    expect(await statusOf("/move", headers, move)).toBe(403);
  }
  // A form of another site sends no origin in some browsers.
  expect(await statusOf("/move", { host }, move)).toBe(403);
  expect(await statusOf("/move", { host, origin }, move)).toBe(204);
  expect(await statusOf("/stream", { host, origin })).toBe(200);
});

test("what cannot be asked is refused, and changes nothing", async () => {
  const { host, origin } = new URL(running.url);
  const asks: readonly (readonly [string, object])[] = [
    ["/intervention", { intervention: "explode" }],
    ["/intervention", {}],
    ["/regime", { regime: "none" }],
    ["/move", { to: "up" }],
    ["/move", { to: 1, padding: "x".repeat(2_000) }],
  ];
  for (const [path, body] of asks) {
    const status = await statusOf(path, { host, origin }, body);
    expect(`${path} ${status}`).toMatch(/ (400|413)$/);
  }
  expect(running.court.story.marks.filter(({ value }) => value === "killed")).toEqual([]);
});

test("a stream begins with the whole story, and goes on until the ball has moved", async () => {
  const leaving = new AbortController();
  const answer = await fetch(new URL("/stream", running.url), { signal: leaving.signal });
  const messages: FromDemo[] = [];
  let text = "";
  for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    const parts = text.split("\n\n");
    text = parts.pop() ?? "";
    for (const part of parts) {
      if (part.startsWith("data: ")) messages.push(JSON.parse(part.slice(6)) as FromDemo);
    }
    if (ballsIn(messages).size > 3) break;
  }
  leaving.abort();
  expect(messages[0]?.kind).toBe("whole");
  expect(new Set(messages.slice(1).map(({ kind }) => kind))).toEqual(new Set(["news"]));
});

/** Where the ball has been: it rests before it is served. */
function ballsIn(messages: readonly FromDemo[]): ReadonlySet<string | undefined> {
  return new Set(messages.map(({ game }) => JSON.stringify(game?.ball)));
}
