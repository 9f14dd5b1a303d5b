import { request } from "node:http";

import { expect, test } from "vitest";

import { runService } from "../../support/process/run-service.ts";

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
}

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

function send(url: string, { method, headers = {}, body }: Sent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      answer.once("end", () => resolve({ status: answer.statusCode, body: text }));
    });
    sent.once("error", reject);
    sent.end(body);
  });
}

const json = { "content-type": "application/json" };
const none = "/sessions/s1/no-such-thing";

const unknown: readonly Sent[] = [
  { method: "DELETE", path: none, headers: json },
  { method: "POST", path: none, headers: json },
  { method: "POST", path: none, headers: json, body: "{" },
  { method: "POST", path: none, headers: json, body: "" },
  { method: "POST", path: none, headers: { "content-type": "text/xml" }, body: "<a/>" },
  { method: "POST", path: none, headers: { "content-type": "no type" }, body: "x" },
  { method: "POST", path: none, headers: { ...json, "content-encoding": "br" }, body: "x" },
  { method: "POST", path: none, headers: json, body: `"${"x".repeat(2 * 1024 * 1024)}"` },
  { method: "PUT", path: none, headers: json, body: "{" },
  { method: "PATCH", path: none, body: "{}" },
  { method: "GET", path: none, headers: json },
  { method: "HEAD", path: none },
  { method: "OPTIONS", path: none },
  { method: "PROPFIND", path: none, body: "x" },
  { method: "GET", path: "/nothing/%zz" },
  { method: "PUT", path: "/sessions/s1/controller/lease", headers: json, body: "{" },
  { method: "GET", path: "/sessions/s1/controller-handshake" },
  { method: "OPTIONS", path: "/sessions/s1/controller-handshake" },
  { method: "POST", path: "/beach.controller.v1.ControllerLease/NoSuchCall", headers: json },
  { method: "POST", path: "/beach.controller.v1.NoSuchService/Renew", headers: json, body: "{" },
];

test.each(unknown)(
  "$method $path with $headers is not found, whatever else is wrong",
  async (sent) => {
    await using service = await runService();
    for (const url of [service.httpUrl(sent.path), service.opsUrl(sent.path)]) {
      const { status, body } = await send(url, sent);
      expect(status).toBe(404);
      if (sent.method === "HEAD") continue;
      expect(JSON.parse(body)).toEqual({ error: "not_found", message: "no such route" });
    }
  },
);

test.each(["controller-handshake", "controller/lease"])(
  "DELETE of %s with a content type and an empty body is judged by its query",
  async (path) => {
    await using service = await runService();
    for (const headers of [json, { "content-type": "text/plain" }, {}]) {
      const url = service.httpUrl(`/sessions/s1/${path}?controller_token=t`);
      const { status, body } = await send(url, { method: "DELETE", path, headers });
      expect([status, JSON.parse(body).error]).toEqual([404, "not_found"]);
      expect(JSON.parse(body).message).toBe("session not found");
    }
  },
);

test.each(["application/json", "application/x-www-form-urlencoded", "text/plain", undefined])(
  "an order to the operators' door may come with content type %s and no body",
  async (type) => {
    await using service = await runService();
    const headers = type === undefined ? undefined : { "content-type": type };
    const backup = { method: "POST", path: "", body: "", ...(headers && { headers }) };
    expect((await send(service.opsUrl("/backup?to=a.db"), backup)).status).toBe(409);
    expect((await send(service.opsUrl("/drain"), backup)).status).toBe(202);
  },
);
