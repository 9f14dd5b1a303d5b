import { registerHooks } from "node:module";

/** Preloaded into a process: writes the address of each module that is loaded to standard error. */
registerHooks({
  load(url, context, next) {
    process.stderr.write(`${url}\n`);
    return next(url, context);
  },
});
