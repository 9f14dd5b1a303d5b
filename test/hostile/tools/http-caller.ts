import { Agent, type IncomingMessage, request } from "node:http";

import type { Outcomes } from "./outcomes.ts";
import { ownAddress } from "./own-address.ts";
import { reasonIn } from "./refusal-words.ts";

export interface HttpCall {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: string | Uint8Array;
}

/** Calls a door over HTTP/1.1, on a few connections that are kept open. */
export interface HttpCaller extends Disposable {
  /** Resolves with the whole answer, or with what went wrong; never rejects. */
  call(call: HttpCall): Promise<string>;
  /** Sends the request, and reads nothing of what comes after the answer's head. */
  open(call: HttpCall): Promise<IncomingMessage | undefined>;
}

/** Every answer is counted: the status, and the refusal's own word where there is one. */
export function httpCaller(address: string, outcomes: Outcomes, connections: number): HttpCaller {
  const agent = new Agent({ keepAlive: true, maxSockets: connections, localAddress: ownAddress });
  const open = ({
    path,
    method = "POST",
    headers = {},
    body,
  }: HttpCall): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const sent = request(`http://${address}${path}`, { method, headers: { ...headers }, agent });
      sent.on("error", reject);
      sent.on("response", resolve);
      sent.end(body);
    });
  const failed = (error: NodeJS.ErrnoException): string => {
    const outcome = error.code ?? error.message;
    outcomes.see(outcome);
    return outcome;
  };
  return {
    async call(call) {
      try {
        const answer = await open(call);
        const text = await textOf(answer);
        outcomes.see(outcomeOf(answer.statusCode ?? 0, text));
        return text;
      } catch (error) {
        return failed(error as NodeJS.ErrnoException);
      }
    },
    async open(call) {
      try {
        const answer = await open(call);
        answer.on("error", () => undefined);
        outcomes.see(`${answer.statusCode}`);
        return answer;
      } catch (error) {
        failed(error as NodeJS.ErrnoException);
        return undefined;
      }
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

function outcomeOf(status: number, text: string): string {
  const word = reasonIn(text) ?? (status >= 400 ? errorIn(text) : undefined);
  return word === undefined ? `${status}` : `${status} ${word}`;
}

/** The word that an answer in JSON gives for what is wrong. */
function errorIn(text: string): string | undefined {
  return /"(?:code|error)":"([^"]{1,40})"/.exec(text)?.[1];
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("latin1");
}
