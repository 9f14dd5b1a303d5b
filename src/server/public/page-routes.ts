import { existsSync } from "node:fs";
import { join } from "node:path";

import fastifyStatic from "@fastify/static";
import type { FastifyInstance } from "fastify";

/** Where `npm run prepare` builds the operators' page. */
export const builtPage: string = join(import.meta.dirname, "../../../dist/page");

/** What `/` says where there is no page. */
export const howToBuild =
  "The operators' page is not built here. Build it with: npm install && npm run prepare\n";

/** Files there are named after what is in them. */
const assets = "/assets/";

/**
 * Mounts the files of the operators' page, each as a route of its own: no other path reaches the
 * disk. Without them `/` says how to build them.
 */
export async function addPage(scope: FastifyInstance, folder: string): Promise<void> {
  if (!existsSync(join(folder, "index.html"))) {
    scope.get("/", async (_request, reply) => reply.code(404).type("text/plain").send(howToBuild));
    return;
  }
  scope.addHook("onRequest", async ({ url }, reply) => {
    const isAsset = url.startsWith(assets);
    reply.header("cache-control", isAsset ? "public, max-age=31536000, immutable" : "no-cache");
  });
  await scope.register(fastifyStatic, {
    root: folder,
    wildcard: false,
    preCompressed: true,
    cacheControl: false,
    decorateReply: false,
  });
}
