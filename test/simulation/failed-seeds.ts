/** Every seed that ever failed; what each of them found is in bugs.md. */
export const failedSeeds: readonly number[] = [178, 356, 639, 692];
