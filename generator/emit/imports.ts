/** The local names by which an emitted file knows the groups. */
import type { Group } from "../model.js";
import { freeName } from "../print/names.js";

/** The local name of each group: its own, or a free one where the file needs that name itself. */
export function localNames(groups: readonly Group[], taken: readonly string[]): ReadonlyMap<Group, string> {
  const used = new Set(taken);
  const names = new Map<Group, string>();
  for (const group of groups) {
    const name = freeName(group.name, used);
    used.add(name);
    names.set(group, name);
  }
  return names;
}
