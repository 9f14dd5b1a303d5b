/** What a call is answered by: a response, or a stream of HTTP/2. */
export interface Closable {
  readonly closed?: boolean;
  readonly destroyed?: boolean;
  /** What carries a response over HTTP/2, which does not tell whether it has closed. */
  readonly stream?: Carrier;
  once(event: "close", listener: () => void): unknown;
}

type Carrier = Pick<Closable, "closed" | "destroyed">;

/** Whether nothing more can be sent: who listens for the close may have come too late. */
export function isOver(closable: Closable): boolean {
  const { closed = false, destroyed = false }: Carrier = closable.stream ?? closable;
  return closed || destroyed;
}

/** Calls back when it has closed: at once where it already has. */
export function whenClosed(closable: Closable, over: () => void): void {
  if (isOver(closable)) over();
  else closable.once("close", over);
}
