export { createFakeClock, type FakeClock, type FakeClockOptions } from "./create-fake-clock.ts";
export {
  type ContractExpectation,
  type ContractRunner,
  type ContractSettings,
  type ContractStore,
  describeCacheStore,
} from "./describe-cache-store.ts";
