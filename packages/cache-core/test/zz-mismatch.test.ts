import { startRedisCluster } from "@crm/testkit";
import { expect, test } from "vitest";
import { redisStore } from "../src/redis/index.ts";
const echo = { name: "echo", lua: "return {ARGV[1], 7} -- KEYS[1]", run: () => 0 } as never;
const echo2 = { name: "echo2", lua: "return {1, ARGV[1]} -- KEYS[1]", run: () => 0 } as never;
test("replies", async () => {
  const c = await startRedisCluster({ nodeTimeoutMs: 20000 });
  const store = redisStore({ nodes: c.startupNodes });
  await store.ready();
  let bad = 0, good = 0, failed = 0; const kinds = new Map<string, number>();
  let stop = false;
  const tags = Array.from({ length: 16 }, (_, i) => `{t${i}}`);
  const loops = Array.from({ length: 60 }, async (_, n) => {
    for (let i = 0; !stop; i++) {
      const tag = tags[(n + i) % 16];
      const id = `${n}:${i}`;
      try {
        if (i % 3 === 0) { const r = await store.run(echo, [`k${tag}`], [id]) as [Buffer, number]; if (Buffer.isBuffer(r?.[0]) && r[0].toString() === id) good++; else { bad++; kinds.set(JSON.stringify(r), 1);} }
        else if (i % 3 === 1) { const r = await store.run(echo2, [`k${tag}`], [id]) as [number, Buffer]; if (Buffer.isBuffer(r?.[1]) && r[1].toString() === id) good++; else { bad++; kinds.set(JSON.stringify(r), 1);} }
        else { const r = await store.get(`nothing${tag}`); if (r === null) good++; else { bad++; kinds.set(JSON.stringify(r), 1);} }
      } catch { failed++; }
      await new Promise((r) => setTimeout(r, Math.random() * 3));
    }
  });
  for (let round = 0; round < 6; round++) {
    await new Promise((r) => setTimeout(r, 700));
    const victim = c.nodes[round % 3]!;
    if (round % 2) { await victim.pause(); await new Promise((r) => setTimeout(r, 900)); await victim.resume(); }
    else { await victim.kill(); await new Promise((r) => setTimeout(r, 300)); await victim.restart({ keepData: false }); await c.ready(); }
  }
  stop = true; await Promise.all(loops);
  process.stdout.write(JSON.stringify({ good, bad, failed, kinds: [...kinds.keys()].slice(0, 5) }) + "\n");
  await store.close(); await c.stop();
  expect(bad).toBe(0);
}, 60000);
