/** What Node keeps under a symbol of its own: undefined where this Node has none of that name. */
export function symbolIn(holder: object | undefined, name: string): symbol | undefined {
  const symbols = holder === undefined ? [] : Object.getOwnPropertySymbols(holder);
  return symbols.find(({ description }) => description === name);
}
