/** A bearer from the environment: on a command line, everybody on the machine could read it. */
export function bearerInEnvironment(): string | undefined {
  const bearer = process.env.LEASE_BEARER?.trim() ?? "";
  return bearer === "" ? undefined : bearer;
}
