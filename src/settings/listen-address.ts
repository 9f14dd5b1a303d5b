/** Where a door listens; port 0 binds a free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, with an IPv6 host in brackets; undefined for anything else. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const found = /^(?:\[(?<six>[0-9a-fA-F:.]+)\]|(?<name>[A-Za-z0-9._-]+)):(?<port>\d{1,5})$/.exec(
    text,
  );
  const host = found?.groups?.six ?? found?.groups?.name;
  const port = Number(found?.groups?.port);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}

export function formatListenAddress({ host, port }: ListenAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Only this machine reaches it: 127.0.0.0/8, ::1 and localhost. */
export function isLoopback({ host }: ListenAddress): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
