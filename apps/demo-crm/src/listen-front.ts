import type { AddressInfo, Server } from "node:net";
import { listen } from "./listen.ts";
import type { DemoSettings } from "./read-settings.ts";
import type { Terminal } from "./terminal/show-import.ts";

/** Begins to serve, and resolves to the address for a browser. */
export async function listenFront(
  { server }: { readonly server: Server },
  settings: Pick<DemoSettings, "host" | "port">,
  terminal: Pick<Terminal, "write">,
): Promise<string> {
  await listen(server, {
    host: settings.host,
    port: settings.port,
    onPortTaken: (taken) => terminal.write(`Port ${taken} is taken; using a free one (PORT chooses)\n`),
  });
  return frontUrl(server, settings);
}

/** The address of a server that listens, as a browser on this machine can open it. */
export const frontUrl = (server: Server, { host }: Pick<DemoSettings, "host">): string =>
  `http://${urlHost(host)}:${(server.address() as AddressInfo).port}`;

function urlHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}
