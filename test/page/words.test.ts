import { describe, expect, it } from "vitest";

import { claimsOf, hasScope, tidied } from "../../src/page/model/bearer.ts";
import { durationWords, secondsWords, shortId } from "../../src/page/model/words.ts";

const bearerOf = (payload: object): string =>
  `e30.${Buffer.from(JSON.stringify(payload)).toString("base64url")}.c2ln`;

describe("A bearer", () => {
  it("says which beach and scopes it is for, in either form of scopes", () => {
    expect(claimsOf(bearerOf({ private_beach_id: "strand-é", scope: "a b" }))).toEqual({
      privateBeachId: "strand-é",
      scopes: ["a", "b"],
    });
    expect(claimsOf(bearerOf({ scp: ["a", "b"] }))).toEqual({
      privateBeachId: undefined,
      scopes: ["a", "b"],
    });
  });

  it.each(["", "no bearer", "a.b.c", "..", `e30.${btoa("7")}.x`])("is not %j", (text) => {
    expect(claimsOf(text)).toBeUndefined();
  });

  it.each([
    ["pb:control.write", true],
    ["*", true],
    ["pb:control.*", true],
    ["pb:*", false],
    ["pb:control.read", false],
  ])("with the scope %s may write: %s", (scope, may) => {
    const claims = { privateBeachId: undefined, scopes: [scope] };
    expect(hasScope(claims, "pb:control.write")).toBe(may);
  });

  it.each([" abc.d.e\n", "Bearer abc.d.e", "authorization: Bearer abc.d.e", '"abc.d\n.e"'])(
    "is found in %j",
    (pasted) => expect(tidied(pasted)).toBe("abc.d.e"),
  );
});

describe("Words for people", () => {
  it.each([
    [-5, "0.0 s"],
    [4_200, "4.2 s"],
    [58_000, "58 s"],
    [150_000, "3 min"],
    [3_600_000, "1 h"],
    [7_500_000, "2 h 5 min"],
    [400_000_000, "4 d"],
  ])("%d ms are %s", (ms, words) => expect(durationWords(ms)).toBe(words));

  it("count leases by whole seconds, and never below none", () => {
    expect([24_900, 0, -3000, 240_000].map(secondsWords)).toEqual(["24 s", "0 s", "0 s", "4 min"]);
  });

  it("name a handshake by its end", () => {
    expect(shortId("01a228dd-97a7-71d1-a069-a15db4bb332b")).toBe("…bb332b");
    expect(shortId("short")).toBe("short");
  });
});
