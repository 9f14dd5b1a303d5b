/** Does nothing without end, until the process that started it is gone. */
const partMs = 5;

function loop(): void {
  const until = performance.now() + partMs;
  while (performance.now() < until);
  setImmediate(loop);
}

process.on("disconnect", () => process.exit());
loop();
