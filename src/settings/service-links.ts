/**
 * Variables that a platform sets for the services around a process, by the name before their
 * suffix: a Kubernetes Service called `lease-redis` puts LEASE_REDIS_SERVICE_HOST and its like into
 * every pod of its namespace, and a container link of that name does the same.
 */
export interface ServiceLinks {
  /** The services, as `LEASE_REDIS`. */
  readonly services: readonly string[];
  readonly variables: ReadonlySet<string>;
}

const noLinks: ServiceLinks = { services: [], variables: new Set() };

interface LinkShape {
  readonly name: RegExp;
  readonly value: RegExp;
}

const url = /^(tcp|udp|sctp):\/\//;

/**
 * What such variables look like. The value counts too: LEASE_HTTP_PORT=8090 is a misspelt setting.
 */
const shapes: readonly LinkShape[] = [
  { name: /^(?<service>.+?)_PORT$/, value: url },
  { name: /^(?<service>.+?)_PORT_\d+_(TCP|UDP|SCTP)$/, value: url },
  { name: /^(?<service>.+?)_PORT_\d+_(TCP|UDP|SCTP)_(ADDR|PORT|PROTO)$/, value: /./ },
  { name: /^(?<service>.+?)_PORT_\d+_(TCP|UDP|SCTP)_(START|END)$/, value: url },
  { name: /^(?<service>.+?)_PORT_\d+_(TCP|UDP|SCTP)_PORT_(START|END)$/, value: /^\d{1,5}$/ },
  { name: /^(?<service>.+?)_SERVICE_HOST$/, value: /./ },
  { name: /^(?<service>.+?)_SERVICE_PORT(_.+)?$/, value: /^\d{1,5}$/ },
  { name: /^(?<service>.+?)_NAME$/, value: /^\/.+\/.+$/ },
];

/**
 * A container link copies the whole environment of the other container. Only the link's name
 * identifies it.
 */
const handedOn = /^(?<service>.+?)_ENV_.+$/;

/** The service links among the variables whose names begin with `prefix`. */
export function serviceLinksIn(
  env: Readonly<Record<string, string | undefined>>,
  prefix: string,
): ServiceLinks {
  const names = Object.keys(env).filter((name) => name.startsWith(prefix));
  if (names.length === 0) return noLinks;
  const services = new Set<string>();
  const variables = new Set<string>();
  const note = (name: string, service: string | undefined): void => {
    if (service === undefined) return;
    services.add(service);
    variables.add(name);
  };
  for (const name of names) note(name, linkedService(name, env[name] ?? ""));
  for (const name of names) {
    const service = handedOn.exec(name)?.groups?.service;
    if (service !== undefined && services.has(service)) note(name, service);
  }
  return { services: [...services].toSorted(), variables };
}

function linkedService(name: string, value: string): string | undefined {
  for (const shape of shapes) {
    const service = shape.name.exec(name)?.groups?.service;
    if (service !== undefined && shape.value.test(value)) return service;
  }
  return undefined;
}
