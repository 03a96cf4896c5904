/** Steps under way at once: enough to hide their way to the store, and few enough for others to get in between. */
const AT_ONCE = 32;

/** Does something for each item, `atOnce` at a time. Results are in the order of the items; the first failure ends it. */
export async function eachOf<Item, Result>(
  items: readonly Item[],
  step: (item: Item, index: number) => Promise<Result>,
  atOnce: number = AT_ONCE,
): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  let next = 0;
  let failed = false;
  const work = async (): Promise<void> => {
    while (!failed && next < items.length) {
      const at = next++;
      results[at] = await step(items[at] as Item, at);
    }
  };
  const workers = Array.from({ length: Math.min(atOnce, items.length) }, () =>
    work().catch((error) => {
      failed = true;
      throw error;
    }),
  );
  await Promise.all(workers);
  return results;
}
