/** The channel that carries controller actions; every fast path needs it. */
export const actionsChannel = "mgr-actions";

/** The one name of a channel; older ends call the actions channel `pb-controller`. */
export function channelName(label: string): string {
  return label === "pb-controller" ? actionsChannel : label;
}
