import type { SettingName } from "./settings-table.ts";

/** How callers are authenticated. */
export type AuthSetting =
  | { readonly kind: "dev" }
  | {
      readonly kind: "jwt";
      /** Where the keys are that bearers are verified with. */
      readonly keySet:
        | { readonly kind: "url"; readonly url: string }
        | { readonly kind: "file"; readonly path: string };
      readonly issuer: string;
      readonly audience: string;
    };

/** Reads settings one by one and collects what is wrong with them. */
interface Reader {
  /** The value given, or the default; empty when there is neither. */
  text(name: SettingName): string;
  fault(name: SettingName, remedy: string): void;
  complain(fault: string): void;
}

const needed = ["LEASE_AUTH_ISSUER", "LEASE_AUTH_AUDIENCE"] as const;
const ofJwt = ["LEASE_AUTH_JWKS_URL", "LEASE_AUTH_JWKS_FILE", ...needed] as const;

/** The setting LEASE_AUTH and those that belong to it. */
export function readAuth(reader: Reader): AuthSetting {
  const kind = reader.text("LEASE_AUTH");
  if (kind === "jwt") return readJwt(reader);
  if (kind !== "dev") reader.fault("LEASE_AUTH", "must be dev or jwt");
  for (const name of ofJwt) {
    if (kind === "dev" && reader.text(name) !== "") {
      reader.complain(`${name} needs LEASE_AUTH=jwt: with dev, nobody reads a bearer`);
    }
  }
  return { kind: "dev" };
}

function readJwt(reader: Reader): AuthSetting {
  for (const name of needed) {
    if (reader.text(name) === "") {
      reader.complain(
        `${name} is missing: LEASE_AUTH=jwt takes bearers of one issuer and audience`,
      );
    }
  }
  const url = reader.text("LEASE_AUTH_JWKS_URL");
  const path = reader.text("LEASE_AUTH_JWKS_FILE");
  if ((url === "") === (path === "")) {
    reader.complain(
      "LEASE_AUTH=jwt needs LEASE_AUTH_JWKS_URL or LEASE_AUTH_JWKS_FILE, and not both: " +
        'one of them names the keys; "npm run keys -- --help" makes some to try',
    );
  }
  if (url !== "" && !/^https?:$/.test(URL.parse(url)?.protocol ?? "")) {
    reader.fault("LEASE_AUTH_JWKS_URL", "must be an http or https URL");
  }
  return {
    kind: "jwt",
    keySet: url === "" ? { kind: "file", path } : { kind: "url", url },
    issuer: reader.text("LEASE_AUTH_ISSUER"),
    audience: reader.text("LEASE_AUTH_AUDIENCE"),
  };
}
