import { gzipSync } from "node:zlib";
import fc from "fast-check";

import { type Format, messageBytes, methods } from "./messages.ts";

type Header = readonly [name: string, value: string];

/** A request over HTTP/1.1, and how its bytes are sent. */
export interface HttpRequest {
  readonly door: "http" | "ops";
  readonly method: string;
  readonly path: string;
  readonly headers: readonly Header[];
  readonly body: Buffer;
  /** What is said of the body's length. */
  readonly framing: "length" | "longer" | "shorter" | "huge" | "chunked" | "none";
  /** In so many parts, with a turn between them. */
  readonly parts: number;
}

/** A call over HTTP/2. */
export interface GrpcRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly data: readonly Buffer[];
  readonly ending: "end" | "reset";
}

/** Bytes for any door. */
export interface RawBytes {
  readonly door: "http" | "ops" | "grpc";
  readonly bytes: Buffer;
}

/** Streams that are opened and reset at once. */
export interface ResetBurst {
  readonly path: string;
  readonly streams: number;
  readonly data: Buffer;
}

const odd = fc.oneof(
  fc.string({ unit: "grapheme-ascii", maxLength: 30 }),
  fc.constantFrom("", "0", "-1", "99999999999", "1H", "x".repeat(5_000), "gzip, br", "é?/#%"),
);

/** A value that a header can have. */
const headerText = odd.map((text) => text.replaceAll(/[^\x20-\x7e]/g, "").trim());

function bearerHeader(bearers: readonly string[]): fc.Arbitrary<Header[]> {
  const real = fc.constantFrom(...bearers);
  const spoilt = fc
    .tuple(real, fc.nat(400), fc.constantFrom("A", ".", "", "é", " "))
    .map(([bearer, at, by]) => bearer.slice(0, at) + by + bearer.slice(at + 1));
  const values = fc.oneof(
    { weight: 8, arbitrary: real.map((bearer) => `Bearer ${bearer}`) },
    spoilt.map((bearer) => `Bearer ${bearer}`),
    headerText,
    fc.constant("Bearer eyJhbGciOiJub25lIn0.e30."),
  );
  return fc.oneof(
    { weight: 9, arbitrary: values.map((value): Header[] => [["authorization", latin(value)]]) },
    fc.constant<Header[]>([]),
  );
}

/** Header values are sent as they are, so they may have no line of their own. */
function latin(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "");
}

const someHeaders: fc.Arbitrary<Header[]> = fc.array(
  fc.oneof(
    fc.tuple(
      fc.constantFrom(
        "connect-timeout-ms",
        "grpc-timeout",
        "content-encoding",
        "connect-content-encoding",
        "grpc-encoding",
        "accept-encoding",
        "connect-accept-encoding",
        "grpc-accept-encoding",
        "connect-protocol-version",
        "origin",
        "expect",
        "x-user-agent",
      ),
      fc.oneof(headerText, fc.constantFrom("gzip", "br", "identity", "1", "1000")),
    ),
  ),
  { maxLength: 3 },
);

const contentTypes: Readonly<Record<string, Format>> = {
  "application/json": "json",
  "application/proto": "binary",
  "application/connect+json": "json",
  "application/connect+proto": "binary",
  "application/grpc-web": "binary",
  "application/grpc-web+proto": "binary",
  "application/grpc-web+json": "json",
  "application/grpc-web-text": "binary",
  "application/grpc-web-text+proto": "binary",
  "application/grpc": "binary",
};

const ids = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("fuzz-1", "fuzz-2") },
  fc.constantFrom("%00", "%zz", "a%2Fb", "é", "..", "x".repeat(400), ""),
  fc.string({ maxLength: 8 }).map((text) => encodeURIComponent(text.toWellFormed())),
);

const legacyPaths = fc
  .tuple(
    ids,
    fc.constantFrom("controller-handshake", "controller-handshake/renew", "controller/lease"),
    fc.constantFrom("", "", "?controller_token=x", "?controller_token=", "?%zz", "?a=b&a=c"),
  )
  .map(([id, route, query]) => `/sessions/${id}/${route}${query}`);

const legacyBody = fc.oneof(
  fc
    .record(
      {
        passcode: fc.jsonValue({ maxDepth: 1 }),
        requester_private_beach_id: fc.constantFrom<unknown>("beach-1", "a/b", 7, null),
        controller_token: fc.jsonValue({ maxDepth: 1 }),
        ttl_ms: fc.oneof(fc.double(), fc.integer(), fc.constant("30000")),
        reason: fc.jsonValue({ maxDepth: 1 }),
        requesting_account_id: fc.constantFrom<unknown>("account-1", "a/b", 7, null),
      },
      { requiredKeys: [] },
    )
    .map((value) => Buffer.from(JSON.stringify(value))),
  messageBytes(firstInput(), "json"),
);

function firstInput(): (typeof methods)[number]["input"] {
  const [method] = methods;
  if (method === undefined) throw new Error("the contract has no method");
  return method.input;
}

function enveloped(bytes: Buffer, flags: number, lie: number): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(flags);
  prefix.writeUInt32BE(Math.min(2 ** 32 - 1, Math.max(0, bytes.length + lie)), 1);
  return Buffer.concat([prefix, bytes]);
}

const envelopes = fc.record({
  flags: fc.constantFrom(0, 0, 0, 0, 1, 2, 0x80, 0xff),
  lie: fc.constantFrom(0, 0, 0, 0, 0, 1, -1, 1_000, 2 ** 31, -5),
  packs: fc.constantFrom(false, false, false, true),
});

function wrapped(bytes: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  return fc
    .tuple(bytes, envelopes)
    .map(([plain, { flags, lie, packs }]) =>
      enveloped(packs ? gzipSync(plain) : plain, flags, lie),
    );
}

const sending = {
  framing: fc.constantFrom<HttpRequest["framing"]>(
    ...(["length", "length", "length", "length", "chunked", "chunked"] as const),
    ...(["longer", "shorter", "huge", "none"] as const),
  ),
  parts: fc.constantFrom(1, 1, 1, 2, 5),
};

function rpcRequest(bearers: readonly string[]): fc.Arbitrary<HttpRequest> {
  return fc
    .tuple(fc.constantFrom(...methods), fc.constantFrom(...Object.entries(contentTypes)))
    .chain(([{ parent, name, input, methodKind }, [type, format]]) => {
      const isBare = methodKind === "unary" && !/connect\+|grpc/.test(type);
      const plain = messageBytes(input, format);
      return fc
        .record({
          ...sending,
          method: fc.constantFrom("POST", "POST", "POST", "POST", "GET", "PUT", "OPTIONS"),
          body: fc.oneof({ weight: 5, arbitrary: isBare ? plain : wrapped(plain) }, plain),
          headers: fc
            .tuple(bearerHeader(bearers), someHeaders, fc.oneof(fc.constant(type), headerText))
            .map(([bearer, some, contentType]): Header[] => [
              ["content-type", latin(contentType)],
              ...bearer,
              ...some,
            ]),
        })
        .map((rest) => ({ ...rest, door: "http" as const, path: `/${parent.typeName}/${name}` }));
    });
}

function legacyRequest(bearers: readonly string[]): fc.Arbitrary<HttpRequest> {
  return fc.record({
    ...sending,
    door: fc.constant("http" as const),
    method: fc.constantFrom("POST", "POST", "DELETE", "GET", "HEAD"),
    path: legacyPaths,
    body: legacyBody,
    headers: fc
      .tuple(bearerHeader(bearers), someHeaders)
      .map(([bearer, some]): Header[] => [...bearer, ...some]),
  });
}

/** But for the order to drain: the service would obey. */
const opsRequest: fc.Arbitrary<HttpRequest> = fc.record({
  ...sending,
  door: fc.constant("ops" as const),
  method: fc.constantFrom("GET", "POST", "DELETE", "HEAD"),
  path: fc.oneof(
    fc.constantFrom(
      "/healthz",
      "/readyz",
      "/metrics",
      "/log-level",
      "/backup",
      "/backup?to=../x",
      "/%zz",
      "/",
    ),
    headerText.map((text) => `/backup?to=${encodeURIComponent(text)}`),
  ),
  body: fc.oneof(loose(), fc.nat(4_000).map(Buffer.alloc)),
  headers: someHeaders,
});

function loose(): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));
}

export function httpRequests(bearers: readonly string[]): fc.Arbitrary<HttpRequest> {
  return fc.oneof(
    { weight: 5, arbitrary: rpcRequest(bearers) },
    { weight: 3, arbitrary: legacyRequest(bearers) },
    { weight: 1, arbitrary: opsRequest },
  );
}

const otherServices = [
  "/grpc.health.v1.Health/Check",
  "/grpc.health.v1.Health/Watch",
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
  "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
  "/nobody.Knows/This",
  "/",
];

export function grpcRequests(bearers: readonly string[]): fc.Arbitrary<GrpcRequest> {
  const target = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom(...methods).map(({ parent, name, input }) => ({
        path: `/${parent.typeName}/${name}`,
        message: messageBytes(input, "binary"),
      })),
    },
    fc.constantFrom(...otherServices).map((path) => ({ path, message: loose() })),
  );
  const headers = fc
    .tuple(
      bearerHeader(bearers),
      fc.oneof(
        { weight: 5, arbitrary: fc.constantFrom("application/grpc", "application/grpc+proto") },
        fc.constantFrom("application/json", "application/grpc-web", "text/plain"),
        headerText,
      ),
      fc.dictionary(
        fc.constantFrom("grpc-timeout", "grpc-encoding", "grpc-accept-encoding", "x-bin", "a-bin"),
        fc.oneof(headerText, fc.constantFrom("gzip", "deflate", "1S", "10m", "0n")),
        { maxKeys: 2 },
      ),
    )
    .map(([bearer, type, some]) => ({
      ...some,
      ...Object.fromEntries(bearer),
      "content-type": type,
    }));
  return target.chain(({ path, message }) =>
    fc.record({
      path: fc.constant(path),
      headers,
      data: fc.array(fc.oneof({ weight: 8, arbitrary: wrapped(message) }, loose()), {
        maxLength: 3,
      }),
      ending: fc.constantFrom<GrpcRequest["ending"]>("end", "end", "end", "reset"),
    }),
  );
}

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** A frame of any type, with a length that may be a lie. */
const frames: fc.Arbitrary<Buffer> = fc
  .record({
    type: fc.integer({ min: 0, max: 12 }),
    flags: fc.constantFrom(0, 1, 4, 5, 8, 0x20, 0xff),
    stream: fc.constantFrom(0, 1, 2, 3, 5, 2 ** 31 - 1),
    payload: loose(),
    lie: fc.constantFrom(0, 0, 0, 1, 5_000, 2 ** 24 - 1),
  })
  .map(({ type, flags, stream, payload, lie }) => {
    const head = Buffer.alloc(9);
    head.writeUIntBE(Math.min(2 ** 24 - 1, payload.length + lie), 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt8(flags, 4);
    head.writeUInt32BE(stream, 5);
    return Buffer.concat([head, payload]);
  });

const heads = [
  "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n",
  "POST /sessions/fuzz-1/controller-handshake HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}",
  "POST /beach.controller.v1.ControllerLease/Renew HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
  "CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n",
  "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
];

/** Text of HTTP with some of its bytes exchanged, left out or put in. */
const spoiltText = fc
  .tuple(
    fc.constantFrom(...heads),
    fc.array(fc.tuple(fc.nat(250), fc.uint8Array({ maxLength: 3 }), fc.nat(3)), { maxLength: 4 }),
  )
  .map(([text, changes]) =>
    changes.reduce(
      (bytes, [at, put, out]) =>
        Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + out)]),
      Buffer.from(text),
    ),
  );

export const rawBytes: fc.Arbitrary<RawBytes> = fc.record({
  door: fc.constantFrom("http", "ops", "grpc"),
  bytes: fc.oneof(
    loose(),
    spoiltText,
    fc.array(frames, { maxLength: 6 }).map((some) => Buffer.concat([preface, ...some])),
    fc
      .array(frames, { maxLength: 6 })
      .map((some) => Buffer.concat([preface, Buffer.from("000000040000000000", "hex"), ...some])),
  ),
});

export const resetBursts: fc.Arbitrary<ResetBurst> = fc
  .constantFrom(...methods)
  .chain(({ parent, name, input }) =>
    fc.record({
      path: fc.constant(`/${parent.typeName}/${name}`),
      streams: fc.integer({ min: 1, max: 100 }),
      data: wrapped(messageBytes(input, "binary")),
    }),
  );
