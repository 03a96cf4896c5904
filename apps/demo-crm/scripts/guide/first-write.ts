import { companiesService } from "../../src/services/companies-service.ts";
import { dataOf } from "./start-guide.ts";

const WRITES = 50;

/** Edits of one company, each read at once. */
export async function firstWrite(): Promise<string> {
  let old = 0;
  let took = 0;
  for (let write = 1; write <= WRITES; write++) {
    await companiesService.getCompanyByIdV2("konex");
    const startedAt = performance.now();
    dataOf(await companiesService.updateCompany("konex", { employees: write }));
    const { employees } = dataOf(await companiesService.getCompanyByIdV2("konex"));
    took += performance.now() - startedAt;
    if (employees !== write) old++;
  }
  return `${WRITES} edits, each read at once: ${old} old values; edit and read took ${(took / WRITES).toFixed(1)} ms together.`;
}
