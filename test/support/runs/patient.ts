/** For `vi.waitFor` and `vi.waitUntil`: however busy the machine is. `expect.poll` has it by itself. */
export const patient = { timeout: 30_000 } as const;
