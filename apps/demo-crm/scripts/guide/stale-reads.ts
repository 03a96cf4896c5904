import { cache } from "../../src/cache/index.ts";
import { companyQueries } from "../../src/db/queries/companies.ts";
import { companiesService } from "../../src/services/companies-service.ts";
import { dataOf, replace } from "./start-guide.ts";

const ROUNDS = 50;
type Reader = () => Promise<unknown>;

/** A reader has fetched the old row and is slow to store it; meanwhile the row is written, and the write is acknowledged. */
export async function staleReads(): Promise<string> {
  const byHand: Reader = async () => {
    const cached = await cache.get("companies:konex");
    if (cached !== null) return cached;
    const fetched = await companyQueries.findById("konex");
    await cache.set("companies:konex", fetched, 300);
    return fetched;
  };
  const throughCache: Reader = async () => dataOf(await companiesService.getCompanyByIdV2("konex"));
  return `${ROUNDS} writes during a slow read: by get and set ${await race(byHand)} stale afterwards, by getOrSet ${await race(throughCache)}.`;
}

async function race(read: Reader): Promise<number> {
  const query = companyQueries.findById;
  let stale = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    await cache.clear();
    const [fetched, written] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const restore = replace(companyQueries, "findById", async (id) => {
      const row = await query(id);
      fetched.resolve();
      await written.promise;
      return row;
    });
    const slow = read();
    await fetched.promise;
    restore();
    const { version } = dataOf(await companiesService.updateCompany("konex", { employees: round }));
    written.resolve();
    await slow;
    const seen = (await read()) as { version: number };
    if (seen.version < version) stale++;
  }
  return stale;
}
