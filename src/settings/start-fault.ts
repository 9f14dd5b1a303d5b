/** The service cannot start as it is set up; every fault says what would help. */
export class StartFault extends Error {
  override readonly name = "StartFault";
  readonly faults: readonly string[];

  constructor(faults: readonly string[], options?: ErrorOptions) {
    super(faults.join("\n"), options);
    this.faults = faults;
  }
}
