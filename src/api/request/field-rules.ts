import { limits } from "./limits.ts";

/** What is wrong with a value, as it follows the field's name; undefined when nothing is. */
export type Fault = string | undefined;

const id = /^[\x20-\x2e\x30-\x7e]{1,128}$/;

const idWanted: string = `must be 1 to ${limits.idLength} printable ASCII characters without "/"`;

const control = /\p{Cc}/u;

const reasonWanted: string = `must be at most ${limits.reasonLength} characters, none of them a control character`;

export function idFault(value: string): Fault {
  return id.test(value) ? undefined : idWanted;
}

/** How much of a wrong id is returned to its caller. */
export function idStart(value: string): string {
  return value.slice(0, limits.idLength);
}

/** For ids that may be left out. */
export function optionalIdFault(value: string): Fault {
  return value === "" || id.test(value) ? undefined : `${idWanted}, or empty`;
}

/** Counted in characters, not in UTF-16 units or bytes. */
export function lengthFault(value: string, max: number): Fault {
  // A character takes at most two units. Longer text is not examined.
  const tooLong = value.length > 2 * max || (value.length > max && [...value].length > max);
  return tooLong ? `must be at most ${max} characters` : undefined;
}

/** For reasons, which people read in listings, logs and watches. */
export function reasonFault(reason: string): Fault {
  const fits = lengthFault(reason, limits.reasonLength) === undefined && !control.test(reason);
  return fits ? undefined : reasonWanted;
}

export function requiredTextFault(value: string, max: number): Fault {
  return value === "" ? `must be 1 to ${max} characters` : lengthFault(value, max);
}
