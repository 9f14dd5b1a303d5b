import { createInterface } from "node:readline";

import { badUsage, exitCodes } from "../failure.ts";
import { harmless, type Output } from "./output.ts";

/**
 * Whether a person says yes. Without a terminal there is nobody to ask: then it throws, unless yes was
 * said by `--yes`.
 */
export async function isConfirmed(question: string, isYesGiven: boolean): Promise<boolean> {
  if (isYesGiven) return true;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw badUsage("it asks first, and there is no terminal to ask on: add --yes");
  }
  const answer = await ask(`${harmless(question)} [y/N] `);
  return /^\s*y(es)?\s*$/i.test(answer);
}

export function decline(output: Output): number {
  output.note("nothing was done");
  return exitCodes.declined;
}

/** An empty text when the terminal is closed, or Ctrl-C or Ctrl-D is pressed. */
function ask(question: string): Promise<string> {
  return new Promise((resolve) => {
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    lines.on("close", () => resolve(""));
    lines.question(question, (answer) => {
      resolve(answer);
      lines.close();
    });
  });
}
