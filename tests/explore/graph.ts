import { nameOf, type World } from './world.ts';

/** The states that were reached, how each was reached first, and the ways between them that need no fault. */
export type Graph = {
  readonly worlds: World[];
  readonly numbers: Map<string, number>;
  readonly cameFrom: { readonly from: number; readonly did: string }[];
  /** A way may lead to two states at once (two orders that no longer meet): `open` of its ends are still to be had. */
  readonly leads: { readonly from: number[]; readonly open: number[]; readonly to: number[][] };
};

export function newGraph(first: World): Graph {
  const graph: Graph = { worlds: [], numbers: new Map(), cameFrom: [], leads: { from: [], open: [], to: [] } };
  add(graph, first, -1, '');
  return graph;
}

/** The number of the state, which is new if no equal one was reached before. */
export function add(graph: Graph, world: World, from: number, did: string): number {
  const name = nameOf(world);
  const known = graph.numbers.get(name);
  if (known !== undefined) return known;
  const number = graph.worlds.length;
  graph.numbers.set(name, number);
  graph.worlds.push(world);
  graph.cameFrom.push({ from, did });
  graph.leads.to.push([]);
  return number;
}

export function lead(graph: Graph, from: number, targets: readonly number[]): void {
  const { leads } = graph;
  const others = [...new Set(targets)].filter((target) => target !== from);
  if (others.length === 0) return;
  const edge = leads.from.length;
  leads.from.push(from);
  leads.open.push(others.length);
  for (const target of others) leads.to[target]?.push(edge);
}

/** What happened on the shortest way to a state. */
export function wayTo({ cameFrom }: Graph, to: number): string {
  const did: string[] = [];
  for (let at = to; at > 0; at = cameFrom[at]?.from ?? 0) did.unshift(cameFrom[at]?.did ?? '');
  return did.join(' > ');
}
