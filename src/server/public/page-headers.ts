import type { FastifyHelmetOptions } from "@fastify/helmet";

const yearSeconds = 31_536_000;

/**
 * What the headers say to a browser about everything that comes from the public door. The policy is for a page
 * of the door's own, with scripts and styles in files and calls to the door alone; answers to calls
 * have no use for it, and pages of other origins may read those that CORS lets them.
 *
 * @param isSecure whether the door speaks TLS: browsers are told to come back with it alone then
 */
export function pageHeaders(isSecure: boolean): FastifyHelmetOptions {
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    frameguard: { action: "deny" },
    // For browsers of the past alone, and every answer to a call would carry them.
    dnsPrefetchControl: false,
    ieNoOpen: false,
    permittedCrossDomainPolicies: false,
    xssFilter: false,
    referrerPolicy: { policy: "no-referrer" },
    strictTransportSecurity: isSecure && { maxAge: yearSeconds, includeSubDomains: false },
  };
}
