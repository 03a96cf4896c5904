export { createFakeClock, type FakeClock } from "./create-fake-clock.ts";
