/** Every seed that ever failed; what each of them found is in bugs.md. */
export const failedSeeds: readonly number[] = [
  122, 154, 178, 356, 474, 573, 639, 649, 674, 692, 1194, 1707, 1988, 2493, 2498, 3571, 3946,
  3239161973, 4189225092, 75318892, 64415613, 328804855, 3357184869, 391550199, 3735449080,
  549599034,
];
