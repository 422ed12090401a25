/** An object with some of its members replaced; the others are its own, and work on it. */
export function instead<T extends object>(target: T, changes: Partial<T>): T {
  return new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(Object.hasOwn(changes, name) ? changes : target, name, target);
      return typeof value === "function" && !Object.hasOwn(changes, name) ? value.bind(target) : value;
    },
  });
}
