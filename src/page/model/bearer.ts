/** What a bearer says about whoever holds it. The service alone judges whether it is true. */
export interface BearerClaims {
  readonly privateBeachId: string | undefined;
  readonly scopes: readonly string[];
}

/** Undefined for what is no JWT. */
export function claimsOf(bearer: string): BearerClaims | undefined {
  const [, payload] = bearer.split(".");
  if (payload === undefined) return undefined;
  try {
    return toClaims(JSON.parse(decoded(payload)));
  } catch {
    return undefined;
  }
}

/** Exactly, by `*`, or by a prefix such as `pb:control.*`. */
export function hasScope({ scopes }: BearerClaims, scope: string): boolean {
  return scopes.some(
    (held) =>
      held === scope ||
      held === "*" ||
      (held.endsWith(".*") && scope.startsWith(held.slice(0, -1))),
  );
}

/** What people copy along with a bearer: its header's name, quotes and line ends. */
export function tidied(pasted: string): string {
  return pasted
    .trim()
    .replace(/^authorization:\s*/i, "")
    .replace(/^bearer\s+/i, "")
    .replaceAll(/["'\s]/g, "");
}

function decoded(base64url: string): string {
  const binary = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return new TextDecoder().decode(Uint8Array.from(binary, (char) => char.charCodeAt(0)));
}

function toClaims(payload: unknown): BearerClaims | undefined {
  if (typeof payload !== "object" || payload === null) return undefined;
  const { private_beach_id, scope, scp } = payload as Readonly<Record<string, unknown>>;
  const scopes = [...textsIn(scope), ...textsIn(scp)].flatMap((text) => text.split(" "));
  return {
    privateBeachId: typeof private_beach_id === "string" ? private_beach_id : undefined,
    scopes: scopes.filter((one) => one !== ""),
  };
}

function textsIn(value: unknown): readonly string[] {
  const values = Array.isArray(value) ? value : [value];
  return values.filter((one) => typeof one === "string");
}
