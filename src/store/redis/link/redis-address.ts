/** The address and credentials of Redis, as the client library takes them. */
export interface RedisAddress {
  readonly username?: string;
  readonly password?: string;
  readonly database: number;
  readonly socket: { readonly host: string; readonly port: number; readonly tls?: true };
}

const defaultPort = 6379;

/** What a `redis:` or `rediss:` URL names. An IPv6 host stands in brackets there and nowhere else. */
export function redisAddress(url: string): RedisAddress {
  const { username, password, protocol, hostname, port, pathname } = new URL(url);
  return {
    ...(username !== "" && { username: decodeURIComponent(username) }),
    ...(password !== "" && { password: decodeURIComponent(password) }),
    database: Number(pathname.slice(1)),
    socket: {
      host: hostname.replace(/^\[(.*)\]$/, "$1"),
      port: port === "" ? defaultPort : Number(port),
      ...(protocol === "rediss:" && { tls: true }),
    },
  };
}
