/** Only part of a caller's text is returned: it may be long, secret or unfit for a header. */
const shownMax = 24;

/** Text of a caller, as messages and refusals show it: the plain part of its beginning, in quotes. */
export function quoted(text: string): string {
  const cut = text.length > shownMax ? `${text.slice(0, shownMax)}...` : text;
  return `"${cut.replaceAll(/[^\w.:@-]/g, "?")}"`;
}
