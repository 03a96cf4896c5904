import { expect, it } from "vitest";
import * as root from "./index.ts";
import * as msgpack from "./msgpack/index.ts";
import * as otel from "./otel/index.ts";
import * as redis from "./redis/index.ts";
import * as testing from "./testing/index.ts";

it.each(Object.entries({ root, redis, msgpack, otel, testing }))(
  "%s exports what it is known for",
  (_, entry) => {
    expect(Object.keys(entry).sort()).toMatchSnapshot();
  },
);
