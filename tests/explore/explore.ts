import { orderMachine } from '../../src/orders/order.ts';
import { paymentMachine } from '../../src/payments/payment.ts';
import { mayFollow } from '../../src/shared/transitions.ts';
import { add, type Graph, lead, newGraph, wayTo } from './graph.ts';
import { movesOf, type Plant } from './moves.ts';
import { type Budget, type Buyer, firstWorld, freeUnits, newOrder, type Order, type World } from './world.ts';

export type Explored = {
  readonly states: number;
  readonly edges: number;
  /** Each with the way that leads to it, shortest first. */
  readonly broken: readonly string[];
  readonly stuck: readonly string[];
  /** How often each kind of end was reached: `confirmed`, `cancelled payment_failed`, … */
  readonly ends: ReadonlyMap<string, number>;
  /** How often each fault struck. */
  readonly faults: ReadonlyMap<string, number>;
};

type Step = {
  readonly did: string;
  readonly fault: keyof Budget | null;
  readonly to: readonly World[];
  /** The order that it changed, before and after. */
  readonly changed: readonly [Order, Order] | null;
};

const findingsMax = 20;

/**
 * Walks every interleaving of two buyers of one last item, with up to the budget's faults on a way, breadth first. No
 * state may break a promise; and from every state, without another fault, both orders must be able to come to their
 * ends.
 */
export function explore(
  budget: Budget,
  options: { readonly plant?: Plant; readonly statesMax?: number; readonly onProgress?: (states: number) => void } = {},
): Explored {
  const { plant = null, statesMax = Number.POSITIVE_INFINITY, onProgress } = options;
  const graph = newGraph(firstWorld(budget));
  const { worlds } = graph;
  const broken: string[] = [];
  const struck = new Map<string, number>();
  const note = (fault: string, at: number, did = ''): void => {
    if (broken.length < findingsMax) broken.push(`${fault}: ${wayTo(graph, at)}${did === '' ? '' : ` > ${did}`}`);
  };
  let edges = 0;
  for (let number = 0; number < Math.min(worlds.length, statesMax); number += 1) {
    const world = worlds[number] as World;
    for (const step of stepsOf(world, plant)) {
      edges += 1;
      if (step.fault !== null) struck.set(step.did, (struck.get(step.did) ?? 0) + 1);
      for (const fault of wrongMoves(step.changed)) note(fault, number, step.did);
      const before = worlds.length;
      const targets = step.to.map((to) => add(graph, to, number, step.did));
      for (let fresh = before; fresh < worlds.length; fresh += 1) {
        for (const fault of faultsOf(worlds[fresh] as World)) note(fault, fresh);
        if (fresh % 10_000 === 0) onProgress?.(fresh);
      }
      if (step.fault === null) lead(graph, number, targets);
    }
  }
  const { stuck, ends } = stuckOf(graph);
  return {
    states: worlds.length,
    edges,
    broken,
    stuck: stuck.slice(0, findingsMax).map((at) => wayTo(graph, at)),
    ends,
    faults: struck,
  };
}

function* stepsOf(world: World, plant: Plant): Generator<Step> {
  for (const [index, buyer] of world.buyers.entries()) {
    if (buyer === null) continue;
    const other = world.buyers[1 - index] ?? null;
    const as = (changed: Buyer, more: Partial<World> = {}): readonly World[] =>
      apart({ ...world, ...more }, changed, other);
    yield* buyerSteps(world, buyer, as);
    if (buyer.order === null) continue;
    for (const { did, fault, order } of movesOf(buyer.order, plant)) {
      if (fault !== null && world.left[fault] === 0) continue;
      const change = unitsMoved(buyer.order, order);
      const more = {
        heldUnits: world.heldUnits + change.held,
        soldUnits: world.soldUnits + change.sold,
        left: spend(world.left, fault),
      };
      yield { did, fault, to: as({ ...buyer, order }, more), changed: [buyer.order, order] };
    }
  }
}

function spend(left: Budget, fault: keyof Budget | null): Budget {
  return fault === null ? left : { ...left, [fault]: left[fault] - 1 };
}

/**
 * Two orders meet in nothing but the stock of the item, and the second one can only begin once the first has given the
 * item back for good. From there on neither reads what the other writes: each is walked by itself, and what holds of
 * both holds of every interleaving. The faults that are left are left to each.
 */
function apart(world: World, changed: Buyer, other: Buyer | null): readonly World[] {
  if (changed.order === null || other?.order == null) return [{ ...world, buyers: [over(changed), other] }];
  const alone = (buyer: Buyer): World => {
    const { reservation } = buyer.order as Order;
    const heldUnits = reservation === 'held' ? 1 : 0;
    return { ...world, heldUnits, soldUnits: reservation === 'sold' ? 1 : 0, buyers: [buyer, null] };
  };
  return [alone(changed), alone(other)];
}

/** Who has an answer and no order, or has given up, does nothing more that anybody would see. */
function over(buyer: Buyer): Buyer | null {
  if (buyer.order !== null) return buyer;
  return buyer.session === 'cancelled' || buyer.told === 'refused' ? null : buyer;
}

/** A buyer completes, again and again under one key until there is an answer, or gives the session up. */
function* buyerSteps(
  world: World,
  buyer: Buyer,
  as: (buyer: Buyer, more?: Partial<World>) => readonly World[],
): Generator<Step> {
  const step = (did: string, to: readonly World[], fault: Step['fault'] = null): Step => ({
    did,
    to,
    fault,
    changed: null,
  });
  if (buyer.session === 'open' && buyer.answer !== 'committed') {
    yield step('cancels the session', as({ ...buyer, session: 'cancelled' }));
  }
  if (buyer.told !== 'nothing') return;
  if (buyer.answer !== 'none') return yield step('asks again', as({ ...buyer, told: buyer.answer }));
  const isTaken = buyer.session === 'open' && freeUnits(world) > 0;
  const answer = isTaken ? 'committed' : 'refused';
  const order = isTaken ? newOrder : null;
  const more = isTaken ? { heldUnits: world.heldUnits + 1 } : {};
  yield step(`completes: ${answer}`, as({ ...buyer, answer, told: answer, order }, more));
  // Whether a buyer who has an order knows it changes nothing for the order: asking again gives the kept answer.
  if (world.left.others === 0 || isTaken) return;
  const lost = { left: spend(world.left, 'others') };
  yield step('completes: refused, reply lost', as({ ...buyer, answer }, lost), 'others');
}

function unitsMoved(before: Order, after: Order): { held: number; sold: number } {
  if (before.reservation === after.reservation) return { held: 0, sold: 0 };
  return { held: -1, sold: after.reservation === 'sold' ? 1 : 0 };
}

/** Promises that must hold in every state, also in the middle of everything. */
function faultsOf(world: World): string[] {
  const faults: string[] = [];
  const orders = world.buyers.flatMap((buyer) => buyer?.order ?? []);
  if (freeUnits(world) < 0) faults.push('promise 3: more than there is was held or sold');
  const holding = orders.filter((order) => order.reservation === 'held').length;
  if (holding !== world.heldUnits) faults.push('promise 3: what is held is not what orders hold');
  for (const buyer of world.buyers) {
    if (buyer === null) continue;
    if (buyer.told === 'committed' && buyer.order === null)
      faults.push('promise 1: told of an order that is not there');
    if (buyer.told !== 'nothing' && buyer.told !== buyer.answer) faults.push('promise 1: two answers under one key');
  }
  for (const order of orders) faults.push(...faultsOfOrder(order));
  return faults;
}

function faultsOfOrder(order: Order): string[] {
  const { saga, provider, reference } = order;
  const live = provider.authorisations.flatMap((status, index) => (status === 'authorised' ? [`r${index}`] : []));
  const faults: string[] = [];
  if (saga.orderStatus === 'confirmed') {
    if (order.payment !== 'authorised') faults.push('promise 5: confirmed, and its payment is not authorised');
    if (order.reservation !== 'sold') faults.push('promise 5: confirmed, and its stock is not sold');
    if (reference === null || !live.includes(reference)) faults.push('promise 2: confirmed without its money');
  }
  if (saga.orderStatus === 'cancelled' && order.reservation !== 'released') {
    faults.push('promise 5: cancelled with its stock held or sold');
  }
  if (
    order.payment === 'authorised' &&
    (reference === null || provider.authorisations[Number(reference.slice(1))] === undefined)
  ) {
    faults.push('promise 9: authorised here, and not there');
  }
  return faults;
}

function wrongMoves(changed: Step['changed']): string[] {
  if (changed === null || changed[0] === changed[1]) return [];
  const [from, to] = changed;
  const faults: string[] = [];
  if (from.payment !== to.payment && !mayFollow(paymentMachine, from.payment, to.payment)) {
    faults.push(`a payment from ${from.payment} to ${to.payment}`);
  }
  const [was, is] = [from.saga.orderStatus, to.saga.orderStatus];
  if (was !== is && !mayFollow(orderMachine, was, is)) faults.push(`an order from ${was} to ${is}`);
  return faults;
}

/** Whether everything is over: nothing under way, every order at its end, its money and its stock where they belong. */
function isAtRest(world: World): boolean {
  return world.buyers.every((buyer) => {
    if (buyer === null) return true;
    if (buyer.answer === 'none' && buyer.session === 'open') return false;
    const { order } = buyer;
    if (order === null) return true;
    const live = order.provider.authorisations.filter((status) => status === 'authorised').length;
    const isOver = order.messages.size === 0 && order.zombie === null && !order.provider.isLate;
    const isSettled = !['authorising', 'unknown', 'voiding', 'intended'].includes(order.payment);
    const { orderStatus } = order.saga;
    const isEnd = (orderStatus === 'confirmed' && live === 1) || (orderStatus === 'cancelled' && live === 0);
    return isOver && isSettled && isEnd && order.provider.events.size === 0;
  });
}

/** The states from which no way without another fault leads to rest. */
function stuckOf(graph: Graph): { stuck: number[]; ends: Map<string, number> } {
  const { worlds, leads } = graph;
  const ends = new Map<string, number>();
  const canRest = new Uint8Array(worlds.length);
  const open: number[] = [];
  const rest = (at: number): void => {
    if (canRest[at] === 1) return;
    canRest[at] = 1;
    open.push(at);
  };
  worlds.forEach((world, at) => {
    if (!isAtRest(world)) return;
    rest(at);
    for (const buyer of world.buyers) {
      const saga = buyer?.order?.saga;
      const end = saga === undefined ? null : `${saga.orderStatus} ${saga.cancelCode ?? ''}`.trim();
      if (end !== null) ends.set(end, (ends.get(end) ?? 0) + 1);
    }
  });
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const edge of leads.to[at] ?? []) {
      leads.open[edge] = (leads.open[edge] ?? 0) - 1;
      if (leads.open[edge] === 0) rest(leads.from[edge] as number);
    }
  }
  return { stuck: worlds.flatMap((_, at) => (canRest[at] === 1 ? [] : [at])), ends };
}
