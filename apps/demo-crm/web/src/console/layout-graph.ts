export interface PlacedNode {
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

export interface PlacedEdge {
  readonly from: string;
  readonly to: string;
  /** For the `d` of a path. */
  readonly path: string;
}

export const NODE = { width: 128, height: 34 } as const;
export const SIZE = { width: 900, height: 540 } as const;

/**
 * Entities on an ellipse, in their order: the relations of the predefined rules are one cycle of nearly all of them, which no order
 * of layers would show. Arrows bend towards the middle, so that the two of a pair that names one another are seen apart.
 */
export function layoutGraph(
  names: readonly string[],
  edges: readonly { readonly from: string; readonly to: string }[],
): { nodes: PlacedNode[]; edges: PlacedEdge[] } {
  const nodes = names.map((name, at) => {
    const angle = (2 * Math.PI * at) / names.length - Math.PI / 2;
    return {
      name,
      x: Math.round(SIZE.width / 2 + (SIZE.width / 2 - NODE.width / 2 - 10) * Math.cos(angle)),
      y: Math.round(SIZE.height / 2 + (SIZE.height / 2 - NODE.height / 2 - 10) * Math.sin(angle)),
    };
  });
  const places = new Map(nodes.map((node) => [node.name, node]));
  return {
    nodes,
    edges: edges.flatMap(({ from, to }) => {
      const [start, end] = [places.get(from), places.get(to)];
      return start && end && start !== end ? [{ from, to, path: bend(start, end) }] : [];
    }),
  };
}

function bend(from: PlacedNode, to: PlacedNode): string {
  const middle = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
  // Towards the middle, past the entities in between; and to the left of its direction, so that the way back takes the other side.
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const inwards = 0.32;
  const control = {
    x: middle.x + (SIZE.width / 2 - middle.x) * inwards + dy * 0.08,
    y: middle.y + (SIZE.height / 2 - middle.y) * inwards - dx * 0.08,
  };
  const start = edgeOf(from, control);
  const end = edgeOf(to, control);
  return `M${start.x} ${start.y}Q${Math.round(control.x)} ${Math.round(control.y)} ${end.x} ${end.y}`;
}

/** Where a line from the middle of a node towards a point leaves its box. */
function edgeOf(node: PlacedNode, towards: { x: number; y: number }): { x: number; y: number } {
  const [dx, dy] = [towards.x - node.x, towards.y - node.y];
  const scale = Math.min(
    (NODE.width / 2 + 4) / Math.max(Math.abs(dx), 0.001),
    (NODE.height / 2 + 4) / Math.max(Math.abs(dy), 0.001),
  );
  return { x: Math.round(node.x + dx * scale), y: Math.round(node.y + dy * scale) };
}
