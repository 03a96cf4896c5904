import { expect, it } from "vitest";
import { HelpRequest, readSettings, SettingsError } from "./read-settings.ts";

it("has defaults for a machine with nothing", () => {
  expect(readSettings({}, [])).toEqual({
    host: "127.0.0.1",
    port: undefined,
    databaseUrl: undefined,
    databaseTemplate: undefined,
    databaseLabel: undefined,
    persist: false,
    logLevel: "info",
    invalidation: "dependencies",
    demoPassword: undefined,
    mode: "demo",
    ...{ instances: 1, instance: undefined, loadSeconds: 0, requestsPerMinute: undefined },
  });
});

it("reads what is set; an empty variable is not", () => {
  const env = { PORT: "8080", HOST: "::1", DATABASE_URL: "postgres://u:p@h/d", LOG_LEVEL: "" };
  expect(readSettings(env, [])).toMatchObject({
    port: 8080,
    host: "::1",
    databaseUrl: "postgres://u:p@h/d",
    logLevel: "info",
  });
  expect(readSettings({ PORT: "" }, ["--persist"])).toMatchObject({ port: undefined, persist: true });
});

it("names every variable that is wrong, and never a URL's content", () => {
  const read = () => readSettings({ PORT: "70000", DATABASE_URL: "mysql://u:hunter2@h/d", HOST: "a b" }, []);
  expect(read).toThrow(SettingsError);
  expect(read).toThrow(/HOST: .*\n.*PORT: .*\n.*DATABASE_URL: /);
  expect(read).not.toThrow(/hunter2/);
});

it("refuses --persist beside a database of one's own", () => {
  expect(() => readSettings({ DATABASE_URL: "postgres://h/d" }, ["--persist"])).toThrow(/DATABASE_URL/);
});

it("reads how many instances, and whether there is load", () => {
  expect(readSettings({}, ["--instances", "3", "--load"])).toMatchObject({ instances: 3, loadSeconds: 120 });
  expect(readSettings({}, ["--load", "--seconds=15"])).toMatchObject({ instances: 1, loadSeconds: 15 });
  expect(readSettings({ REQUESTS_PER_MINUTE: "5000" }, [])).toMatchObject({ requestsPerMinute: 5000 });
});

it.each(["--help", "-h"])("%s says what there is", (option) => {
  const read = () => readSettings({}, ["--load", option]);
  expect(read).toThrow(HelpRequest);
  expect(read).toThrow(/--instances <1 to 8>[\s\S]*--load[\s\S]*--seconds[\s\S]*--persist/);
});

it.each([
  [["--instances", "0"], "--instances"],
  [["--instances", "many"], "--instances"],
  [["--instances"], "--instances"],
  [["--load", "--seconds", "4"], "--seconds"],
  [["--seconds", "10"], "--load"],
  [["--loud"], "--loud"],
  [["something"], "something"],
  // What Node says of it has three lines.
  [["--instances", "-1"], "'--instances' argument is ambiguous. There are: --persist"],
])("refuses %j", (args, name) => {
  expect(() => readSettings({}, args)).toThrow(
    expect.objectContaining({ message: expect.stringContaining(name) }),
  );
});

it.each([
  [{ PORT: "x" }, "PORT"],
  [{ PORT: "70000" }, "PORT"],
  [{ LOG_LEVEL: "loud" }, "LOG_LEVEL"],
  [{ CACHE_INVALIDATION: "none" }, "CACHE_INVALIDATION"],
  [{ DEMO_PASSWORD: "hunter2" }, "DEMO_PASSWORD"],
  [{ REQUESTS_PER_MINUTE: "0" }, "REQUESTS_PER_MINUTE"],
  [{ DEMO_INSTANCE: "x" }, "DEMO_INSTANCE"],
])("names what is wrong with %j, and not its value", (env, name) => {
  expect(() => readSettings(env, [])).toThrow(
    expect.objectContaining({ message: expect.stringContaining(name) }),
  );
  expect(() => readSettings(env, [])).not.toThrow(/hunter2/);
});
