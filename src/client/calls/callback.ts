/** A callback that was handed to this library threw, or the promise that it returned rejected. */
export class CallbackError extends Error {
  override readonly name = "CallbackError";
  /** The option that the callback was given as, such as `onState`. */
  readonly callback: string;

  constructor(callback: string, cause: unknown) {
    super(`${callback} failed: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
    this.callback = callback;
  }
}

/** Called with failures that the library handles by itself. */
export type OnTrouble = (error: unknown) => unknown;

/**
 * Calls a callback. What it throws, or rejects with, is reported and goes no further, so that it
 * harms this one delivery alone.
 *
 * @param onFailed undoes what was noted as delivered; called as soon as the delivery has failed
 * @returns whether the callback returned; its promise may still reject
 */
export function deliver(
  callback: string,
  call: () => unknown,
  onTrouble: OnTrouble | undefined,
  onFailed?: () => void,
): boolean {
  const fail = (cause: unknown): void => {
    report(new CallbackError(callback, cause), onTrouble);
    onFailed?.();
  };
  try {
    Promise.resolve(call()).catch(fail);
    return true;
  } catch (cause) {
    fail(cause);
    return false;
  }
}

/** Reports a failure. A failure of the receiver itself is dropped. */
export function report(error: unknown, onTrouble: OnTrouble | undefined): void {
  // The caller continues: that matters more than a broken receiver.
  const ignore = (): void => undefined;
  try {
    Promise.resolve(onTrouble?.(error)).catch(ignore);
  } catch {
    ignore();
  }
}
