import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runServer } from "verdaccio";
import { capture } from "../run.mjs";

/**
 * @typedef {object} Registry
 * @property {string} url
 * @property {Record<string, string | undefined>} env for npm, pnpm and changesets: this registry and nobody's own settings
 * @property {string} npmrc the lines of an .npmrc that mean this registry
 * @property {() => Promise<void>} stop
 */

/**
 * Starts a package registry on a free port of loopback. What is published to it stays in `folder`; `@crm/*` is never looked
 * up elsewhere, and everything else comes from the registry that npm is configured with.
 *
 * @param {string} folder an existing empty folder
 * @returns {Promise<Registry>}
 */
export async function startRegistry(folder) {
  const upstream = (await capture("npm", ["config", "get", "registry"], { env: strangersEnv() })).trim();
  const app = await runServer(
    /** @type {any} */ ({
      self_path: folder,
      storage: join(folder, "storage"),
      web: { enable: false },
      uplinks: { upstream: { url: upstream, maxage: "1d", timeout: "60s", max_fails: 10 } },
      packages: {
        "@crm/*": { access: "$all", publish: "$all" },
        "**": { access: "$all", proxy: "upstream" },
      },
      middlewares: {},
      log: { type: "stdout", format: "pretty", level: "fatal" },
    }),
  );
  const server = app.listen(0, "127.0.0.1");
  await new Promise((resolve, reject) => server.once("listening", resolve).once("error", reject));
  const address = `127.0.0.1:${server.address().port}`;
  const url = `http://${address}/`;
  // Anybody may publish to it, but npm and pnpm refuse to try without a token.
  const npmrc = `registry=${url}\n//${address}/:_authToken=rehearsal\n`;
  const userConfig = join(folder, "npmrc");
  writeFileSync(userConfig, npmrc);
  const home = join(folder, "home");
  mkdirSync(home);

  return {
    url,
    npmrc,
    env: {
      ...strangersEnv(),
      HOME: home,
      XDG_CONFIG_HOME: home,
      XDG_DATA_HOME: home,
      XDG_CACHE_HOME: home,
      XDG_STATE_HOME: home,
      NPM_CONFIG_USERCONFIG: userConfig,
      npm_config_registry: url,
      pnpm_config_registry: url,
      npm_config_cache: join(folder, "npm-cache"),
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * The `npm_*` and `pnpm_*` names that pnpm sets for its scripts are no business of a stranger's npm.
 *
 * @returns {Record<string, undefined>}
 */
function strangersEnv() {
  const names = Object.keys(process.env).filter((name) =>
    /^(npm_(package|lifecycle|command|execpath|config_(user_agent|node_gyp|verify|frozen))|pnpm_)/i.test(
      name,
    ),
  );
  return Object.fromEntries(names.map((name) => [name, undefined]));
}
