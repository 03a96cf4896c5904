import { startRedis } from "@crm/testkit";
import { driveFleet, startFleet } from "../../test/support/drive-fleet.ts";

const SECONDS = 10;

/** Three instances, read and written by eight clients. */
export async function fleet(): Promise<string> {
  await using redis = await startRedis();
  const three = await startFleet({ REDIS_URL: redis.url });
  try {
    const { reads, writes, stale, byInstance } = await driveFleet(three, {
      ...{ seconds: SECONDS, clients: 8, rate: 100 },
    });
    const shares = Object.values(byInstance).join(", ");
    return `${reads} reads and ${writes} writes in ${SECONDS} s, by instance ${shares}: ${stale.length} stale.`;
  } finally {
    await three.stop();
  }
}
