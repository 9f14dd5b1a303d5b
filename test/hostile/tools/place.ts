/** Where an attacker connects to. */
interface Place {
  readonly host: string;
  readonly port: number;
  /** Over TLS. */
  readonly isSecure: boolean;
}

/** @param address `host:port`, with `https://` in front where the door speaks TLS */
export function placeOf(address: string): Place {
  const [, secure, host = "", port = ""] = /^(https:\/\/)?(.*):(\d+)$/.exec(address) ?? [];
  return { host, port: Number(port), isSecure: secure !== undefined };
}
