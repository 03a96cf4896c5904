import { startRedis } from "@crm/testkit";
import { ask, startFleet } from "../../test/support/drive-fleet.ts";

const REQUESTS = 300;

/** Requests one after the other, of three instances whose Redis is killed after the first third and back after the second. */
export async function redisDies(): Promise<string> {
  await using redis = await startRedis({ control: true });
  const three = await startFleet({ REDIS_URL: redis.url });
  try {
    let answered = 0;
    let slowest = 0;
    for (let at = 0; at < REQUESTS; at++) {
      if (at === REQUESTS / 3) await redis.kill();
      if (at === (REQUESTS * 2) / 3) await redis.restart();
      const startedAt = performance.now();
      const { status } = await ask(`${three.url}/api/companies/konex`);
      slowest = Math.max(slowest, performance.now() - startedAt);
      if (status === 200) answered++;
    }
    return `Redis killed and restarted during ${REQUESTS} requests: ${answered} answered, the slowest in ${Math.round(slowest)} ms.`;
  } finally {
    await three.stop();
  }
}
