const { pid } = process;

/** Each attacker calls from a loopback address of its own, and not from that of the good beach. */
export const ownAddress: string = `127.${1 + ((pid >> 16) % 254)}.${(pid >> 8) & 255}.${1 + (pid % 254)}`;
