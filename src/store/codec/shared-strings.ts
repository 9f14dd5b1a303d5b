const generationSizeMax = 32_768;

/**
 * One copy of strings and lists that many records repeat. Bounded: two generations, of which the
 * older is dropped when the younger is full; what is still in use moves over.
 */
export class SharedStrings {
  #young = new Map<string, string>();
  #old = new Map<string, string>();
  #youngLists = new Map<string, readonly string[]>();
  #oldLists = new Map<string, readonly string[]>();

  text(text: string): string {
    const young = this.#young.get(text);
    if (young !== undefined) return young;
    const kept = this.#old.get(text) ?? text;
    if (this.#young.size >= generationSizeMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(kept, kept);
    return kept;
  }

  list(texts: readonly string[]): readonly string[] {
    if (texts.length === 0) return none;
    // Two lists may share a key when a text contains the separator: then the newer stays alone.
    const key = texts.join("\n");
    const young = this.#youngLists.get(key);
    if (young !== undefined) return equal(young, texts) ? young : texts;
    const old = this.#oldLists.get(key);
    const kept =
      old !== undefined && equal(old, texts) ? old : texts.map((text) => this.text(text));
    if (this.#youngLists.size >= generationSizeMax) {
      this.#oldLists = this.#youngLists;
      this.#youngLists = new Map();
    }
    this.#youngLists.set(key, kept);
    return kept;
  }
}

const none: readonly string[] = [];

export function equal(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((text, index) => text === b[index]));
}
