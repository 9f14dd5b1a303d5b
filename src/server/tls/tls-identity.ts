import type { SecureContextOptions } from "node:tls";

import type { FileUser } from "../../files-read-anew.ts";
import type { TlsSetting, TlsSettingNames } from "../../settings/tls-settings.ts";
import { readTlsFiles, type TlsFiles } from "./tls-files.ts";

/** A server over TLS, as far as its certificate is concerned. */
interface CertifiedServer {
  setSecureContext(options: SecureContextOptions): void;
}

/** The options of a server over TLS, but for the time of a handshake, which is a budget. */
export interface TlsOptions extends SecureContextOptions {
  /** Callers without a certificate of `ca` are turned away in the handshake. */
  readonly requestCert: boolean;
}

/** What a door shows of itself, and whom it trusts. New connections have what was read last. */
export class TlsIdentity implements FileUser {
  readonly settings: readonly string[];
  readonly #setting: TlsSetting;
  readonly #names: TlsSettingNames;
  readonly #wall: () => number;
  readonly #servers: CertifiedServer[] = [];
  #files: TlsFiles;

  private constructor(
    setting: TlsSetting,
    names: TlsSettingNames,
    wall: () => number,
    files: TlsFiles,
  ) {
    this.#setting = setting;
    this.#names = names;
    this.#wall = wall;
    this.#files = files;
    this.settings = Object.values(names).filter((name) => name !== undefined);
  }

  /** Reads the files. Rejects with TlsFilesUnusable. */
  static async open(
    setting: TlsSetting,
    names: TlsSettingNames,
    wall: () => number,
  ): Promise<TlsIdentity> {
    const files = await readTlsFiles(setting, names, wall());
    return new TlsIdentity(setting, names, wall, files);
  }

  get files(): TlsFiles {
    return this.#files;
  }

  get options(): TlsOptions {
    return { ...contextOf(this.#files), requestCert: this.#files.ca !== undefined };
  }

  /** Gives the server what is read from now on; its open connections stay as they are. */
  certify(server: CertifiedServer): void {
    this.#servers.push(server);
  }

  async read(): Promise<void> {
    this.#files = await readTlsFiles(this.#setting, this.#names, this.#wall());
    for (const server of this.#servers) server.setSecureContext(contextOf(this.#files));
  }
}

function contextOf({ cert, key, ca }: TlsFiles): SecureContextOptions {
  return { cert, key, ...(ca !== undefined && { ca }) };
}
