import { execFile } from "node:child_process";
import { expect, test } from "vitest";

const calls = new URL("../../../src/store/sqlite/thread-calls.ts", import.meta.url).href;

/** A process with a thread that offers `double`, and can be made to end. */
function run(script: string): Promise<string> {
  const whole = `
    import { Worker, isMainThread, parentPort } from "node:worker_threads";
    import { ThreadCalls } from "${calls}";
    const thread = new Worker(\`
      import { parentPort } from "node:worker_threads";
      import { answerCalls } from "${calls}";
      answerCalls(parentPort, {
        double: (number) => 2 * number,
        fail: () => { throw Object.assign(new TypeError("no"), { errcode: 5 }); },
        leave: () => { setImmediate(() => { throw new Error("a bug"); }); },
      });
    \`, { eval: true });
    process.on("uncaughtException", ({ message }) => {
      console.log("uncaught: " + message);
      process.exit(70);
    });
    const calls = new ThreadCalls(thread);
    ${script}
  `;
  return new Promise((resolve) => {
    execFile(process.execPath, ["--input-type=module", "--eval", whole], (error, out, err) => {
      resolve(`${out}${err}exit ${error === null ? 0 : error.code}`);
    });
  });
}

test("calls of a thread are answered in order, and faults keep their codes", async () => {
  const said = await run(`
    const answers = [calls.call("double", 1), calls.call("fail"), calls.call("double", 3)];
    for (const { value, reason } of await Promise.allSettled(answers)) {
      console.log(value ?? [reason.name, reason.message, reason.errcode].join(" "));
    }
    await calls.end();
  `);
  expect(said).toBe("2\nTypeError no 5\n6\nexit 0");
});

test("a thread without a call to answer keeps no process from ending", async () => {
  expect(await run(`console.log(await calls.call("double", 4));`)).toBe("8\nexit 0");
});

test("a thread that ends by itself takes the process with it", async () => {
  const said = await run(`
    await calls.call("leave");
    await calls.call("double", 1).catch(() => undefined);
    setInterval(() => undefined, 1000);
  `);
  expect(said).toBe("uncaught: a bug\nexit 70");
});

test("calls to a thread that has ended are refused with a reason", async () => {
  const said = await run(`
    await calls.end();
    await calls.call("double", 1).catch(({ message }) => console.log(message));
  `);
  expect(said).toBe("its thread was ended\nexit 0");
});
