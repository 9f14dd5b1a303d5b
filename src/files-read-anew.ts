import type { Logger } from "./observe/log/logger.ts";

/** Something that was read from files when the service started. */
export interface FileUser {
  /** The settings that name the files. */
  readonly settings: readonly string[];
  /** Reads them again. Rejects where they cannot be used: what was read before stays in use then. */
  read(): Promise<void>;
}

/** What the service reads from files and can read anew while it serves. */
export class FilesReadAnew {
  readonly #users: FileUser[] = [];
  readonly #log: Logger;
  #reading: Promise<void> = Promise.resolve();

  constructor(log: Logger) {
    this.#log = log;
  }

  add(user: FileUser): void {
    this.#users.push(user);
  }

  /** Reads all of them, one reading after the other, and logs what came of each. Never rejects. */
  read(): Promise<void> {
    this.#reading = this.#reading.then(async () => {
      if (this.#users.length === 0) this.#log.info("no setting names a file to read anew");
      for (const user of this.#users) await this.#readOne(user);
    });
    return this.#reading;
  }

  async #readOne(user: FileUser): Promise<void> {
    const { settings } = user;
    try {
      await user.read();
      this.#log.info({ settings }, "files read anew");
    } catch (err) {
      this.#log.error({ settings, err }, "files not read anew: what was read before stays in use");
    }
  }
}
