import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";

import type { SettingName } from "../../settings/settings-table.ts";
import type { TlsSetting, TlsSettingNames } from "../../settings/tls-settings.ts";

/** What a door speaks TLS with, read and judged. */
export interface TlsFiles {
  /** The certificate with its chain, the key, and who issues the certificates of callers; in PEM. */
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer | undefined;
  /** When the certificate of the chain that ends first does, in wall time. */
  readonly expiresAt: number;
}

/** Files that cannot be used; each fault names its setting and the remedy, and shows no content. */
export class TlsFilesUnusable extends Error {
  override readonly name = "TlsFilesUnusable";
  readonly faults: readonly string[];

  constructor(faults: readonly string[], options?: ErrorOptions) {
    super(faults.join("; "), options);
    this.faults = faults;
  }
}

/**
 * Reads the files of a door. Rejects with {@link TlsFilesUnusable}, which has the faults of all.
 *
 * @param wall the wall time in ms by which certificates are judged
 */
export async function readTlsFiles(
  setting: TlsSetting,
  names: TlsSettingNames,
  wall: number,
): Promise<TlsFiles> {
  const parts = await Promise.allSettled([
    readCertificate(setting, names, wall),
    readKey(setting, names),
    readAuthority(setting, names, wall),
  ]);
  const [certificate, key, authority] = parts;
  if (
    certificate.status === "rejected" ||
    key.status === "rejected" ||
    authority.status === "rejected"
  ) {
    throw joined(parts);
  }
  const { pem: cert, chain } = certificate.value;
  if (chain[0]?.checkPrivateKey(key.value.key) !== true) {
    const both = `set the two that belong together, with the own certificate first in its file`;
    throw unusable(
      names.key,
      setting.key,
      `is not the key of the certificate in ${names.certificate}: ${both}`,
    );
  }
  const files = { cert, key: key.value.pem, ca: authority.value };
  try {
    createSecureContext(files);
  } catch (cause) {
    const why = `cannot be used for TLS: ${messageOf(cause)}`;
    throw unusable(names.certificate, setting.certificate, why, cause);
  }
  const expiresAt = Math.min(...chain.map(({ validToDate }) => validToDate.getTime()));
  return { ...files, expiresAt };
}

/** One error with the faults of all parts. Anything else that one rejected with comes first. */
function joined(parts: readonly PromiseSettledResult<unknown>[]): unknown {
  const errors = parts.filter((part) => part.status === "rejected").map(({ reason }) => reason);
  const other = errors.find((error) => !(error instanceof TlsFilesUnusable));
  if (other !== undefined) return other;
  const faults = errors.flatMap((error: TlsFilesUnusable) => error.faults);
  return new TlsFilesUnusable(faults, { cause: errors[0] });
}

async function readCertificate(
  { certificate: path }: TlsSetting,
  { certificate: name }: TlsSettingNames,
  wall: number,
): Promise<{ readonly pem: Buffer; readonly chain: readonly X509Certificate[] }> {
  const pem = await read(name, path);
  const chain = certificatesIn(pem, name, path);
  admitTimes(chain, name, path, wall);
  return { pem, chain };
}

async function readKey(
  { key: path }: TlsSetting,
  { key: name }: TlsSettingNames,
): Promise<{ readonly pem: Buffer; readonly key: KeyObject }> {
  const pem = await read(name, path);
  return { pem, key: privateKeyIn(pem, name, path) };
}

async function readAuthority(
  { clientAuthority: path }: TlsSetting,
  { clientAuthority: name }: TlsSettingNames,
  wall: number,
): Promise<Buffer | undefined> {
  if (path === undefined || name === undefined) return undefined;
  const ca = await read(name, path);
  admitTimes(certificatesIn(ca, name, path), name, path, wall);
  return ca;
}

async function read(name: SettingName, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const why = `cannot be read (${codeOf(cause)}): name a PEM file that this user may read`;
    throw unusable(name, path, why, cause);
  }
}

const pemCertificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function certificatesIn(pem: Buffer, name: SettingName, path: string): readonly X509Certificate[] {
  const blocks = pem.toString("latin1").match(pemCertificate) ?? [];
  const remedy = `holds no certificate that can be read: name a file in PEM, "openssl x509 -in FILE -noout -text" shows one`;
  if (blocks.length === 0) throw unusable(name, path, remedy);
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw unusable(name, path, remedy, cause);
  }
}

function privateKeyIn(pem: Buffer, name: SettingName, path: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    const remedy =
      codeOf(cause) === "ERR_MISSING_PASSPHRASE"
        ? `is encrypted: write it without a passphrase, with "openssl pkey -in FILE -out FILE", where only this user may read it`
        : "holds no private key that can be read: name a file in PEM";
    throw unusable(name, path, remedy, cause);
  }
}

function admitTimes(
  chain: readonly X509Certificate[],
  name: SettingName,
  path: string,
  wall: number,
): void {
  for (const { validFromDate, validToDate } of chain) {
    if (wall >= validToDate.getTime()) {
      const ended = `holds a certificate that ended at ${validToDate.toISOString()}`;
      throw unusable(name, path, `${ended}: have it issued anew`);
    }
    if (wall < validFromDate.getTime()) {
      const begins = `holds a certificate that begins at ${validFromDate.toISOString()}`;
      throw unusable(name, path, `${begins}: set the clock of this machine, or wait`);
    }
  }
}

function unusable(name: SettingName, path: string, why: string, cause?: unknown): TlsFilesUnusable {
  return new TlsFilesUnusable([`${name} is "${path}": it ${why}`], { cause });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : messageOf(error);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
