// Times before the second try and those after it, in milliseconds.
const waits = [500, 1_500, 4_000];

/**
 * Loads code that the start of a page does not have. A fetch that fails is
 * tried again, three times in six seconds.
 *
 * @throws what the last try ended with: the node is out of reach, or has
 * another version by now, which no longer has that file
 */
export async function load<T>(fetchCode: () => Promise<T>, wait = sleep): Promise<T> {
  for (const ms of waits) {
    try {
      return await fetchCode();
    } catch {
      await wait(ms);
    }
  }
  return fetchCode();
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
