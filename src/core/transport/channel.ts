/** The channel that carries controller actions: what a fast path needs at the least. */
export const actionsChannel = "mgr-actions";

/** The one name of a channel; older ends call the actions channel `pb-controller`. */
export function channelName(label: string): string {
  return label === "pb-controller" ? actionsChannel : label;
}
