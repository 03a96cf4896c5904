import { useMemo, useState } from "react";
import type { RuleGraph } from "../api/console-types.ts";
import { Table } from "../ui/table.tsx";
import { layoutGraph, NODE, SIZE } from "./layout-graph.ts";

/** The rules as a drawing, and as a table with the same in words: whoever cannot see the one reads the other. */
export function RuleGraphView({ graph }: { graph: RuleGraph }) {
  const [chosen, setChosen] = useState<string | null>(null);
  const { entities, relations, mode } = graph;
  const placed = useMemo(
    () => layoutGraph([...new Set(entities.map(({ entity }) => entity))], relations),
    [entities, relations],
  );
  const reached = new Set(relations.filter(({ from }) => from === chosen).map(({ to }) => to));
  const tone = (isOn: boolean) => (chosen === null ? "" : isOn ? "on" : "off");
  const scoped = new Set(entities.filter((entity) => entity.scoped).map(({ entity }) => entity));
  return (
    <>
      <p className="banner">
        {mode === "dependencies"
          ? "This server removes what was made from the row that changed. Of the rules it uses only the dashed ones, which concern one instance, and deal-figures: the aggregates are counted again before a write is acknowledged."
          : "This server removes what these rules say, and what was made from the row that changed."}
      </p>
      <svg className="graph" viewBox={`0 0 ${SIZE.width} ${SIZE.height}`} aria-hidden>
        <defs>
          <marker
            id="arrow"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="7"
            markerHeight="7"
            orient="auto"
          >
            <path d="M0 0 8 4 0 8z" className="graph-arrow" />
          </marker>
        </defs>
        {placed.edges.map(({ from, to, path }) => (
          <path
            key={`${from} ${to}`}
            d={path}
            className={`graph-edge ${tone(from === chosen)}`}
            markerEnd="url(#arrow)"
          />
        ))}
        {placed.nodes.map(({ name, x, y }) => (
          <g
            key={name}
            transform={`translate(${x} ${y})`}
            className={`graph-node ${scoped.has(name) ? "scoped" : ""} ${tone(name === chosen || reached.has(name))}`}
            onPointerEnter={() => setChosen(name)}
            onPointerLeave={() => setChosen(null)}
          >
            <rect x={-NODE.width / 2} y={-NODE.height / 2} {...NODE} rx={9} />
            <text>{name}</text>
          </g>
        ))}
      </svg>
      <Table
        caption="The rules in words"
        rows={entities}
        rowKey={({ entity }) => entity}
        columns={[
          { title: "A change of", cell: ({ entity }) => <span className="strong">{entity}</span> },
          { title: "removes", cell: ({ patterns }) => <span className="mono">{patterns.join(", ")}</span> },
          {
            title: "and reaches",
            cell: ({ entity }) =>
              relations
                .filter(({ from }) => from === entity)
                .map(({ to, idFrom }) => (idFrom.length > 0 ? `${to} (by ${idFrom.join(", ")})` : to))
                .join(", ") || "nothing else",
          },
        ]}
      />
    </>
  );
}
