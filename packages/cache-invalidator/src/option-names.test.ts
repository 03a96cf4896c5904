import { createCache, memoryStore } from "@crm/cache-core";
import { expect, it } from "vitest";
import { createCacheInvalidator } from "./index.ts";
import { createConsistencyMeter } from "./meter/index.ts";
import { createOutboxRelay, outboxMigration, outboxTrigger } from "./outbox/index.ts";

it("names that are no options are refused, each by where it stands", async () => {
  const cache = createCache({ store: memoryStore() });
  const given = (options: object): never => options as never;
  const source = (): null => null;
  const relay = { connect: () => Promise.reject(new Error("not asked")), target: { apply: async () => {} } };
  for (const [option, make] of [
    ["cascadeDept", () => createCacheInvalidator(cache, given({ cascadeDept: 2 }))],
    ["history.maxRecord", () => createCacheInvalidator(cache, given({ history: { maxRecord: 5 } }))],
    ["sampelRate", () => createConsistencyMeter(cache, given({ source, sampelRate: 1 }))],
    ["bachSize", () => createOutboxRelay(given({ ...relay, bachSize: 5 }))],
    ["tabel", () => outboxMigration(given({ tabel: "x" }))],
    ["idCollumn", () => outboxTrigger(given({ on: "deals", idCollumn: "nr" }))],
    ["outbox.tabel", () => outboxTrigger(given({ on: "deals", outbox: { tabel: "x" } }))],
  ] as const) {
    expect(make, option).toThrow(
      expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining(`"${option}"`) }),
    );
  }
  await cache.close();
});
