/** Tells what esbuild is about to read or looks for: watched before that, it can change without being missed. */
import { resolve, sep } from "node:path";
import type { Plugin } from "esbuild";

/** Calls back with the path of each file before it is read or looked for, also where the build fails; not of packages. */
export function lookout(onLook: (path: string) => void): Plugin {
  const look = (path: string) => {
    if (!path.includes(`${sep}node_modules${sep}`)) onLook(path);
  };
  return {
    name: "lookout",
    setup(build) {
      // What is not there yet is never read.
      build.onResolve({ filter: /^\.\.?(\/|$)/ }, ({ path, resolveDir }) => {
        look(resolve(resolveDir, path));
        return undefined;
      });
      build.onLoad({ filter: /.*/, namespace: "file" }, ({ path }) => {
        look(path);
        return undefined;
      });
    },
  };
}
