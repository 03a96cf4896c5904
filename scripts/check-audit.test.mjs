import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { run } from "./lib/run.mjs";
import { root } from "./lib/workspace.mjs";

const ADVISORY = {
  id: 1,
  url: "https://example.com/advisory",
  title: "Everything is possible",
  vulnerable_versions: ">=0.0.0",
  cwe: ["CWE-1"],
  cvss: { score: 9, vectorString: "CVSS:3.1/AV:N" },
};
/** @type {{ status: number, body: unknown }} */
let answer = { status: 200, body: {} };
let asked = 0;
const server = createServer((request, response) => {
  asked += 1;
  request.resume().on("end", () => {
    response.writeHead(answer.status, { "content-type": "application/json" });
    response.end(JSON.stringify(answer.body));
  });
});

before(() => new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined))));
after(() => server.close());

test("a registry that knows of nothing passes", async () => {
  answer = { status: 200, body: {} };
  const { code, output } = await audit();
  assert.equal(code, 0, output);
  assert.match(output, /^0 high, 0 critical$/m);
});

test("what is high fails, and is named", async () => {
  answer = { status: 200, body: { ioredis: [{ ...ADVISORY, severity: "high" }] } };
  const { code, output } = await audit();
  assert.equal(code, 1, output);
  assert.match(output, /^high: ioredis >=0\.0\.0: Everything is possible/m);
});

test("what is moderate passes", async () => {
  answer = { status: 200, body: { ioredis: [{ ...ADVISORY, severity: "moderate" }] } };
  const { code, output } = await audit();
  assert.equal(code, 0, output);
});

test("a registry without an audit passes, says that nothing was checked, and is asked once", async () => {
  answer = { status: 405, body: {} };
  asked = 0;
  const { code, output } = await audit();
  assert.equal(code, 0, output);
  assert.match(output, /^NOT CHECKED/m);
  assert.equal(asked, 1);
});

test("a registry without an audit fails where an answer is required", async () => {
  answer = { status: 405, body: {} };
  assert.equal((await audit("--require")).code, 1);
});

/** @param {...string} flags */
function audit(...flags) {
  const address = server.address();
  const registry = `http://127.0.0.1:${typeof address === "object" && address?.port}/`;
  return run(process.execPath, [join(root, "scripts/check-audit.mjs"), ...flags], {
    env: { npm_config_registry: registry, pnpm_config_registry: registry },
    quiet: true,
  });
}
