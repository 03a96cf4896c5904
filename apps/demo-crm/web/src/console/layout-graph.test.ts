import { describe, expect, it } from "vitest";
import { layoutGraph, NODE, SIZE } from "./layout-graph.ts";

const names = ["companies", "deals", "quotes", "contacts", "leads", "users"];

describe("the drawing of the rules", () => {
  it("places every entity inside, and none on another", () => {
    const { nodes } = layoutGraph(names, []);
    for (const { x, y } of nodes) {
      expect(x).toBeGreaterThanOrEqual(NODE.width / 2);
      expect(x).toBeLessThanOrEqual(SIZE.width - NODE.width / 2);
      expect(y).toBeGreaterThanOrEqual(NODE.height / 2);
      expect(y).toBeLessThanOrEqual(SIZE.height - NODE.height / 2);
    }
    const overlaps = nodes.flatMap((a) =>
      nodes.filter((b) => a !== b && Math.abs(a.x - b.x) < NODE.width && Math.abs(a.y - b.y) < NODE.height),
    );
    expect(overlaps).toEqual([]);
  });

  it("draws both ways of a pair apart, and leaves out what has no place", () => {
    const { edges } = layoutGraph(names, [
      { from: "companies", to: "deals" },
      { from: "deals", to: "companies" },
      { from: "deals", to: "nowhere" },
    ]);
    expect(edges.map(({ from, to }) => [from, to])).toEqual([
      ["companies", "deals"],
      ["deals", "companies"],
    ]);
    const control = (path: string) => /Q(\S+ \S+)/.exec(path)![1];
    expect(control(edges[0]!.path)).not.toBe(control(edges[1]!.path));
    for (const { path } of edges) expect(path).toMatch(/^M-?\d+ -?\d+Q-?\d+ -?\d+ -?\d+ -?\d+$/);
  });
});
