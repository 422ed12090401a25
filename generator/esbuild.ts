/** Lends esbuild. It works in a process of its own, which ends as soon as nobody uses it: it would keep 60 MB until then. */

type Esbuild = typeof import("esbuild");

let users = 0;

/** Begins to use esbuild. Whoever does must call `releaseEsbuild` afterwards. */
export async function acquireEsbuild(): Promise<Esbuild> {
  users++;
  return import("esbuild");
}

/** Ends the use of esbuild. */
export async function releaseEsbuild(): Promise<void> {
  users--;
  const { stop } = await import("esbuild");
  if (users === 0) await stop();
}

/** Uses esbuild for one piece of work. */
export async function withEsbuild<T>(work: (esbuild: Esbuild) => Promise<T>): Promise<T> {
  const esbuild = await acquireEsbuild();
  try {
    return await work(esbuild);
  } finally {
    await releaseEsbuild();
  }
}
