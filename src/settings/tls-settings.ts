import type { SettingName } from "./settings-table.ts";

/** The paths of the PEM files that a door speaks TLS with. */
export interface TlsSetting {
  readonly certificate: string;
  readonly key: string;
  /** Undefined where callers need no certificate. */
  readonly clientAuthority: string | undefined;
}

/** The settings that name those files; the public door has no authority of its own for callers. */
export interface TlsSettingNames {
  readonly certificate: SettingName;
  readonly key: SettingName;
  readonly clientAuthority?: SettingName;
}

export const grpcTlsNames: TlsSettingNames = {
  certificate: "LEASE_GRPC_TLS_CERT",
  key: "LEASE_GRPC_TLS_KEY",
  clientAuthority: "LEASE_GRPC_TLS_CLIENT_CA",
};

export const httpTlsNames: TlsSettingNames = {
  certificate: "LEASE_HTTP_TLS_CERT",
  key: "LEASE_HTTP_TLS_KEY",
};

interface Reader {
  /** The value given; empty when there is none. */
  text(name: SettingName): string;
  complain(fault: string): void;
}

/** Undefined for a door in clear. What the files hold is judged when they are read. */
export function readTls(reader: Reader, names: TlsSettingNames): TlsSetting | undefined {
  const certificate = reader.text(names.certificate);
  const key = reader.text(names.key);
  const clientAuthority =
    names.clientAuthority === undefined ? "" : reader.text(names.clientAuthority);
  if (certificate !== "" && key === "") {
    reader.complain(
      `${names.key} is missing: ${names.certificate} needs the key of its certificate beside it, set both`,
    );
  }
  if (key !== "" && certificate === "") {
    reader.complain(
      `${names.certificate} is missing: ${names.key} needs the certificate of its key beside it, set both`,
    );
  }
  if (clientAuthority !== "" && certificate === "" && key === "") {
    reader.complain(
      `${names.clientAuthority} needs ${names.certificate} and ${names.key} beside it: set all three`,
    );
  }
  if (certificate === "" || key === "") return undefined;
  return {
    certificate,
    key,
    clientAuthority: clientAuthority === "" ? undefined : clientAuthority,
  };
}
