/** A socket that serves, and how it stops. */
export interface Door {
  /** As bound: a port 0 has become a real one. */
  readonly address: { readonly host: string; readonly port: number };
  /** Takes no more calls, and resolves when those under way have ended. */
  finish(): Promise<void>;
  /** Ends what is still under way. */
  cutOff(): Promise<void>;
}
