import { BlockList, isIP, isIPv6 } from "node:net";

/** Where a door listens; port 0 binds a free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, with an IPv6 host in brackets; undefined for anything else. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const found =
    /^(?:\[(?<six>[0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|(?<name>[A-Za-z0-9._-]+)):(?<port>\d{1,5})$/.exec(
      text,
    );
  const { six, name } = found?.groups ?? {};
  const host = six === undefined ? name : canonical(six);
  const port = Number(found?.groups?.port);
  return host === undefined || isNoAddress(host) || port > 65_535 ? undefined : { host, port };
}

export function formatListenAddress({ host, port }: ListenAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Only this machine reaches it: 127.0.0.0/8, ::1 and localhost. */
export function isLoopback({ host }: ListenAddress): boolean {
  if (host === "localhost") return true;
  return isIP(host) !== 0 && loopback.check(host, isIPv6(host) ? "ipv6" : "ipv4");
}

/** Whether two doors would want the same port: at the same host, or where one listens at every host. */
export function overlap(one: ListenAddress, other: ListenAddress): boolean {
  if (one.port !== other.port || one.port === 0) return false;
  const isEverywhere = ({ host }: ListenAddress): boolean => host === "0.0.0.0" || host === "::";
  return one.host === other.host || isEverywhere(one) || isEverywhere(other);
}

/** An address of IPv4 that is written as one of IPv6 is in it too. */
const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** `0:0:0:0:0:0:0:1` is `::1`; undefined for what is no address of IPv6. */
function canonical(six: string): string | undefined {
  const [address, ...zone] = six.split("%");
  const parsed = isIPv6(six) ? URL.parse(`http://[${address}]`)?.hostname.slice(1, -1) : undefined;
  return parsed === undefined ? undefined : [parsed, ...zone].join("%");
}

/** Numbers and dots that are no address of IPv4 cannot be a name either. */
function isNoAddress(host: string): boolean {
  return /^[\d.]+$/.test(host) && isIP(host) === 0;
}
