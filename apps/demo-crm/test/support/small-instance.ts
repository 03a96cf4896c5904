// An instance that answers with its process id: for `src/fleet/balance.test.ts`.
import { createServer } from "node:http";
import { takeConnections } from "../../src/fleet/balance.ts";

takeConnections(createServer((_, response) => response.end(String(process.pid))));
process.once("disconnect", () => process.exit());
process.send?.({ ready: true });
