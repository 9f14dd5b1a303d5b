import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FakeRoad, startFakeRoad } from "../../src/demo/road/fake-road.ts";
import {
  createRoad,
  type Road,
  type RoadEvent,
  RoadUnavailable,
} from "../../src/road/road-client.ts";

let fake: FakeRoad;
let received: RoadEvent[];

beforeEach(async () => {
  fake = await startFakeRoad();
  fake.register("s-1", "1234");
  received = [];
});

afterEach(async () => {
  await fake[Symbol.asyncDispose]();
});

function road(times: Partial<NonNullable<Parameters<typeof createRoad>[0]["times"]>> = {}): Road {
  return createRoad({
    url: `${fake.url}/`,
    times: { requestTimeoutMs: 10_000, retryAfterMs: 1, breakMs: 60_000, ...times },
    observe: (event) => received.push(event),
  });
}

const message = { kind: "manager_handshake", control_id: "h-1", payload: { a: 1 } } as const;
const never = new AbortController().signal;

function outcomes(): readonly string[] {
  return received.map((event) => (event.kind === "called" ? event.outcome : `circuit ${event.is}`));
}

describe("a code", () => {
  test("is right, wrong, or of a session that Road does not know", async () => {
    expect(await road().verifyCode("s-1", "1234")).toBe(true);
    expect(await road().verifyCode("s-1", "4321")).toBe(false);
    expect(await road().verifyCode("s-2", "1234")).toBe(false);
    expect(outcomes()).toEqual(["answered", "answered", "answered"]);
  });

  test("is tried once more when Road fails, and then counts as not verified", async () => {
    fake.behave({ status: 500 });
    await expect(road().verifyCode("s-1", "1234")).rejects.toThrow(RoadUnavailable);
    expect(fake.calls["verify-code"]).toBe(2);
  });

  test.each([
    ["no JSON", "verified"],
    ["no verdict", "{}"],
    ["more than an answer may have", `{"verified":true,"more":"${"x".repeat(20_000)}"}`],
  ])("is not judged by %s", async (_, answer) => {
    fake.behave({ answer });
    await expect(road().verifyCode("s-1", "1234")).rejects.toThrow(RoadUnavailable);
  });

  test("is not judged by a Road that takes too long, or is not there", async () => {
    fake.behave({ delayMs: 60_000 });
    await expect(road({ requestTimeoutMs: 20 }).verifyCode("s-1", "1234")).rejects.toThrow(
      "took too long",
    );
    await fake.stop();
    await expect(road().verifyCode("s-1", "1234")).rejects.toThrow("ECONNREFUSED");
    await fake.start();
  });
});

describe("a control message", () => {
  test("is enqueued with its id, once", async () => {
    expect(await road().sendControl("s-1", message, never)).toBe("enqueued");
    expect(fake.queueOf("s-1")).toEqual([message]);
  });

  test("of a session that Road does not know is refused as such", async () => {
    expect(await road().sendControl("s/2", message, never)).toBe("unknown_session");
  });

  test("whose answer is lost counts as not sent, and is not repeated from here", async () => {
    fake.behave({ losesAnswers: true });
    await expect(road().sendControl("s-1", message, never)).rejects.toThrow(RoadUnavailable);
    expect(fake.queueOf("s-1")).toHaveLength(1);
  });

  test("is given up as soon as the service closes", async () => {
    fake.behave({ delayMs: 60_000 });
    const closing = new AbortController();
    const sending = road().sendControl("s-1", message, closing.signal);
    closing.abort();
    await expect(sending).rejects.toThrow(RoadUnavailable);
  });
});

describe("while most requests fail", () => {
  test("Road is left alone, then asked again", async () => {
    const client = road({ breakMs: 1_000 });
    fake.behave({ status: 500 });
    for (let call = 0; call < 3; call += 1) {
      await expect(client.verifyCode("s-1", "1234")).rejects.toThrow(RoadUnavailable);
    }
    expect(fake.calls["verify-code"]).toBe(5);
    expect(outcomes().slice(-2)).toEqual(["circuit open", "left alone"]);
    fake.behave({});
    const verified = () => client.verifyCode("s-1", "1234").catch(() => "left alone");
    await expect.poll(verified, { timeout: 15_000 }).toBe(true);
    expect(outcomes()).toContain("circuit closed");
  });

  test("the other call continues", async () => {
    const client = road();
    fake.behave({ status: 500 });
    for (let call = 0; call < 5; call += 1) {
      await client.verifyCode("s-1", "1234").catch(() => undefined);
    }
    fake.behave({});
    expect(await client.sendControl("s-1", message, never)).toBe("enqueued");
  });

  test("a session that Road does not know is no failure", async () => {
    const client = road();
    for (let call = 0; call < 10; call += 1) await client.sendControl("s-9", message, never);
    expect(outcomes()).not.toContain("circuit open");
  });
});
