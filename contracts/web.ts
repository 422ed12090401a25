/** Work on the web. */
import { actor } from "callboard";
import { z } from "zod";

/**
 * Fetches a page and says what is there.
 *
 * A server that answers 5xx or does not answer at all is tried again; any other status is an answer.
 */
export const fetchUrl = actor({
  input: z.url({ protocol: /^https?$/ }),
  output: z.object({
    /** The HTTP status: 200, 404, … */
    status: z.int(),
    /** The length of the body. */
    bytes: z.int().nonnegative(),
    /** The text of `<title>`; null where the page has none. */
    title: z.string().nullable(),
  }),
  maxRetries: 3,
  minBackoff: "200ms",
  timeLimit: "10s",
});
