import { describe, expect, test } from "vitest";

import type { Door } from "../../src/auth/authenticator.ts";
import {
  accountFor,
  authorize,
  hasScope,
  isServed,
  type RpcName,
  rules,
  standingToAcquire,
} from "../../src/auth/authorize.ts";
import { type Principal, reaches } from "../../src/auth/principal.ts";
import { ControllerLease } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { host, person, service } from "./principals.ts";

const rpcNames = Object.keys(rules) as RpcName[];

describe("the table of who may call what", () => {
  test("has a row for each rpc of both services, and no other", () => {
    const contract = [...ControllerLease.methods, ...FastPathRegistry.methods];
    expect(rpcNames.toSorted()).toEqual(contract.map(({ name }) => name).toSorted());
  });

  test("serves everything at the internal door", () => {
    expect(rpcNames.filter((rpc) => !isServed(rpc, "internal"))).toEqual([]);
  });

  test("keeps attaching, detaching and checking leases from the public door", () => {
    expect(rpcNames.filter((rpc) => !isServed(rpc, "public"))).toEqual([
      "AttachSession",
      "DetachSession",
      "CheckLease",
    ]);
  });

  // Who may call what, written out by hand: x may, - may not, blank: the door does not have the rpc.
  // A person with one scope alone, a host with its publish token, a service, and a person with every
  // scope that is none of ours. First the internal door, then the public one.
  const callers: readonly (readonly [column: string, principal: Principal])[] = [
    ["sessions.read", person({ scopes: ["pb:sessions.read"] })],
    ["control.read", person({ scopes: ["pb:control.read"] })],
    ["control.write", person({ scopes: ["pb:control.write"] })],
    ["control.consume", person({ scopes: ["pb:control.consume"] })],
    ["host", host()],
    ["service", service({ scopes: ["*"] })],
    ["others", person({ scopes: ["pb:harness.publish", "pb:sessions.write", "pb:unrelated"] })],
  ];
  const cells: Readonly<Record<RpcName, readonly [string, string]>> = {
    //                 read read write consume host service others
    Acquire: ["x - x - - x -", "x - x - - x -"],
    Renew: ["- - x - - x -", "- - x - - x -"],
    Renegotiate: ["- - x - - x -", "- - x - - x -"],
    Release: ["- - x - - x -", "- - x - - x -"],
    KeepAlive: ["- - x - - x -", "- - x - - x -"],
    WatchTransport: ["x x - - x x -", "x x - - x x -"],
    AttachSession: ["- - - - - x -", ""],
    DetachSession: ["- - - - - x -", ""],
    ReportTransport: ["- - - - x x -", "- - - - x x -"],
    CheckHandshake: ["- - - - x x -", "- - - - x x -"],
    CheckLease: ["- - - - - x -", ""],
    RevokeLeases: ["- - x - - x -", "- - x - - x -"],
    ListSessions: ["x - - - - x -", "x - - - - x -"],
    SummarizeFleet: ["x - - - - x -", "x - - - - x -"],
  };

  const doors: readonly Door[] = ["internal", "public"];
  const everyCell = rpcNames.flatMap((rpc) =>
    doors.flatMap((door, at) => {
      const row = cells[rpc][at]?.split(" ") ?? [];
      return callers.map(([caller, principal], index) => ({
        ...{ rpc, door, caller, principal },
        may: row[index] === "x",
      }));
    }),
  );
  test.each(everyCell)("$rpc at the $door door by $caller: $may", (cell) => {
    const refusal = authorize(cell.principal, cell.rpc, cell.door);
    if (cell.may) expect(refusal).toBeUndefined();
    else expect(refusal).toMatchObject({ reason: "SCOPE_MISSING" });
  });

  test("has a cell for each caller in each row that the door has", () => {
    const lengths = Object.values(cells).flatMap((rows) =>
      rows.filter((row) => row !== "").map((row) => row.split(" ").length),
    );
    expect(new Set(lengths)).toEqual(new Set([callers.length]));
  });

  test.each<[RpcName, string]>([
    ["AttachSession", "pb:sessions.write"],
    ["DetachSession", "pb:sessions.write"],
    ["CheckLease", "pb:control.read"],
    ["ReportTransport", "pb:control.consume"],
    ["CheckHandshake", "pb:control.consume"],
  ])("%s is open to a service with %s, and to none with an unrelated scope", (rpc, scope) => {
    expect(authorize(service({ scopes: [scope] }), rpc, "internal")).toBeUndefined();
    expect(authorize(service({ scopes: ["pb:unrelated"] }), rpc, "internal")).toMatchObject({
      reason: "SCOPE_MISSING",
    });
  });
});

describe("scopes", () => {
  test.each<[string, boolean]>([
    ["pb:control.write", true],
    ["*", true],
    ["pb:control.*", true],
    ["pb:control", false],
    ["pb:control.writer", false],
    ["pb:con.*", false],
    ["pb:sessions.*", false],
    ["", false],
  ])("%j grants pb:control.write: %s", (held, granted) => {
    expect(hasScope(person({ scopes: [held] }), "pb:control.write")).toBe(granted);
  });
});

describe("reach", () => {
  const session = { id: "s-1", beachId: "beach-1" };

  test("is every session, those of a private beach, or one session", () => {
    expect(reaches(service({ reach: { kind: "every" } }), session)).toBe(true);
    expect(reaches(person({ reach: { kind: "beach", beachId: "beach-1" } }), session)).toBe(true);
    expect(reaches(person({ reach: { kind: "beach", beachId: "every" } }), session)).toBe(false);
    expect(reaches(host({ reach: { kind: "session", sessionId: "s-1" } }), session)).toBe(true);
    expect(reaches(host({ reach: { kind: "session", sessionId: "s-2" } }), session)).toBe(false);
  });
});

describe("standing to acquire", () => {
  const writer = person({ scopes: ["pb:control.write"] });
  const reader = person({ scopes: ["pb:sessions.read"] });
  const facts = { own: false, renewsOwn: false, passcodeGiven: false };

  test("is given by the scope on a session of one's own, without any passcode", () => {
    expect(standingToAcquire(writer, { ...facts, own: true })).toBe("standing");
    expect(standingToAcquire(writer, { ...facts, own: true, passcodeGiven: true })).toBe(
      "standing",
    );
  });

  test("of a mere reader needs a verified passcode", () => {
    expect(standingToAcquire(reader, { ...facts, own: true, passcodeGiven: true })).toBe(
      "verify_passcode",
    );
    expect(standingToAcquire(reader, { ...facts, own: true })).toEqual({
      reason: "SCOPE_MISSING",
      scope: "pb:control.write",
    });
  });

  test("on another's session needs a verified passcode, and learns nothing without one", () => {
    expect(standingToAcquire(writer, { ...facts, passcodeGiven: true })).toBe("verify_passcode");
    expect(standingToAcquire(writer, facts)).toEqual({ reason: "SESSION_UNKNOWN" });
  });

  test("is not needed to renew one's own lease", () => {
    expect(standingToAcquire(reader, { ...facts, renewsOwn: true, passcodeGiven: true })).toBe(
      "standing",
    );
  });
});

describe("the account of a lease", () => {
  test("is the caller's own unless the request names one", () => {
    expect(accountFor(person({ account: "ann" }), "")).toEqual({ account: "ann" });
    expect(accountFor(person({ account: "ann" }), "ann")).toEqual({ account: "ann" });
    expect(accountFor(service({ account: "agent" }), "ann")).toEqual({ account: "ann" });
  });

  test("is missing when neither names one, except in development", () => {
    expect(accountFor(service({ account: undefined }), "")).toBe("missing");
    const dev = service({ account: undefined, authenticatedBy: "dev" });
    expect(accountFor(dev, "")).toEqual({ account: "" });
  });

  test("cannot be another person's", () => {
    expect(accountFor(person({ account: "ann" }), "bob")).toBe("not_yours");
  });
});
