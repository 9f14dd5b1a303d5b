/** A name, an IPv4 address or an IPv6 one in brackets, and a port. */
const hostPort = /^(?:\[[\da-f:.]+\]|[^\s/\\?#@:[\]]+):[1-9]\d{0,4}$/i;

/** Whether a text is `host:port` and nothing more. */
export function isHostPort(text: string): boolean {
  return hostPort.test(text) && URL.canParse(`http://${text}`);
}
