import type { FromDemo, Hindrance, ToDemo } from "../pong/wire.ts";

/** Follows the stream; the browser takes it up again by itself. */
export function followDemo(
  onMessage: (message: FromDemo) => void,
  onConnection: (isThere: boolean) => void,
): void {
  const stream = new EventSource("./stream");
  stream.addEventListener("open", () => onConnection(true));
  stream.addEventListener("error", () => onConnection(false));
  stream.addEventListener("message", ({ data }) => onMessage(JSON.parse(data) as FromDemo));
}

/** Asks the demo for something; answers why it was not done, or undefined when it was. */
export async function ask({ kind, ...body }: ToDemo): Promise<string | undefined> {
  const answer = await fetch(`./${kind}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  }).catch(() => undefined);
  if (answer === undefined) return "the demo does not answer";
  if (answer.ok) return undefined;
  const { hindrance } = (await answer.json()) as Partial<Hindrance>;
  return hindrance ?? `the demo answered ${answer.status}`;
}
