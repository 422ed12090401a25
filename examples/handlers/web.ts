import type { WebHandlers } from "../../generated/worker.js";

export const web: WebHandlers = {
  /**
   * Fetches a page and says what is there.
   *
   * A server that answers 5xx or does not answer at all is tried again; any other status is an answer.
   */
  async fetchUrl(url, task) {
    const response = await fetch(url, { signal: task.signal });
    if (response.status >= 500) throw new Error(`${url} answered ${response.status}`);
    const body = await response.arrayBuffer();
    const title = /<title[^>]*>([^<]*)</i.exec(new TextDecoder().decode(body))?.[1];
    return { status: response.status, bytes: body.byteLength, title: title?.trim() ?? null };
  },
};
