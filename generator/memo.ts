/** Remembers results by what they were made of, so that watching does again only what has changed. */

/** The last result for each key. */
export class Memo<T> {
  readonly #known = new Map<string, { readonly parts: readonly unknown[]; readonly result: T }>();

  /** The result that was made of these very parts the last time, or a new one. */
  get(key: string, parts: readonly unknown[], make: () => T): T {
    const known = this.#known.get(key);
    if (known !== undefined && isSame(known.parts, parts)) return known.result;
    const result = make();
    this.#known.set(key, { parts, result });
    return result;
  }
}

function isSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((part, index) => part === b[index]);
}
