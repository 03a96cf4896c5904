import { expect, it } from "vitest";
import * as express from "./express/index.ts";
import * as fastify from "./fastify/index.ts";
import * as hono from "./hono/index.ts";
import * as root from "./index.ts";
import * as testing from "./testing/index.ts";

it.each(Object.entries({ root, hono, express, fastify, testing }))(
  "%s exports what it is known for",
  (_, entry) => {
    expect(Object.keys(entry).sort()).toMatchSnapshot();
  },
);
