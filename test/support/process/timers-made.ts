import { createHook } from "node:async_hooks";

/** How many timers this process makes during some work. */
export async function timersMadeDuring(work: () => Promise<unknown>): Promise<number> {
  let made = 0;
  const hook = createHook({
    init: (_id, type) => {
      if (type === "Timeout") made += 1;
    },
  });
  hook.enable();
  try {
    await work();
  } finally {
    hook.disable();
  }
  return made;
}
