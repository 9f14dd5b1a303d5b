import type { ServerResponse } from "node:http";

type Done = (error?: Error | null) => void;
type Write = (chunk: unknown, encoding: BufferEncoding, done?: Done) => boolean;

/**
 * Has a write that ended because its reader left say so. connect-node prints whatever else a write
 * ends with to standard error, as a fault of the service.
 */
export function tolerateParting(response: ServerResponse): void {
  const write = response.write.bind(response) as Write;
  const tolerant: Write = (chunk, encoding, done) =>
    write(chunk, encoding, (error) => {
      const left = error instanceof Error && response.socket?.destroyed !== false;
      done?.(left ? readerLeft(error) : error);
    });
  response.write = tolerant as ServerResponse["write"];
}

function readerLeft(cause: Error): Error {
  return Object.assign(new Error("the reader left", { cause }), { code: "ECONNRESET" });
}
