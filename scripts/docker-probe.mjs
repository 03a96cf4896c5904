// Starts one Redis through Testcontainers, sends PING over the published port, stops it. The image comes from
// TEST_REDIS_IMAGE. testcontainers belongs to the testkit, so it is looked up from there.

import { createRequire } from "node:module";
import { connect } from "node:net";
import { join } from "node:path";
import { elapsed } from "./lib/run.mjs";
import { root } from "./lib/workspace.mjs";

const { GenericContainer, Wait } = createRequire(join(root, "packages/testkit/package.json"))(
  "testcontainers",
);
const image = process.env.TEST_REDIS_IMAGE;
if (!image) throw new Error("TEST_REDIS_IMAGE is not set");

const startedAt = performance.now();
const container = await new GenericContainer(image)
  .withCommand(["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", ""])
  .withExposedPorts(6379)
  .withWaitStrategy(Wait.forLogMessage("Ready to accept connections"))
  .withStartupTimeout(30_000)
  .start();
try {
  const reply = await ping(container.getHost(), container.getMappedPort(6379));
  if (!reply.startsWith("+PONG")) throw new Error(`expected PONG, got ${reply}`);
  console.log(`Testcontainers started Redis and it answered, after ${elapsed(startedAt)}`);
} finally {
  await container.stop();
}

/**
 * @param {string} host
 * @param {number} port
 * @returns {Promise<string>}
 */
function ping(host, port) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: 5_000 }, () => socket.write("PING\r\n"));
    socket.once("data", (chunk) => {
      socket.destroy();
      resolve(chunk.toString());
    });
    socket.on("timeout", () => socket.destroy(new Error("no answer within 5 s")));
    socket.on("error", reject);
  });
}
