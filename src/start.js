// Starts the module that its first argument names. This is JavaScript that older versions of Node
// read too, so that what is missing to run the rest is said in a sentence.

const nodeMajorMin = 24;

const [node, , entry = "src/main.ts", ...args] = process.argv;
const url = new URL(`../${entry}`, import.meta.url);

if (Number.parseInt(process.versions.node, 10) < nodeMajorMin) {
  fail(
    `Node ${nodeMajorMin} or newer is needed, and this is ${process.versions.node}: ` +
      "npm ci installs one beside the service, where it may run scripts",
  );
} else {
  process.argv = [node, url.pathname, ...args];
  await import(url.href).catch((error) => {
    const missing = /^Cannot find package '([^']+)'/.exec(error?.message)?.[1];
    if (missing === undefined) throw error;
    fail(`the package ${missing} is not installed: run npm ci`);
  });
}

function fail(why) {
  process.stderr.write(`controller-lease: ${why}\n`);
  process.exitCode = 1;
}
