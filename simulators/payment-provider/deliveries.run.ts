import { sleep as machineSleep } from '../../src/shared/clock.ts';
import type { Books, Delivery, Entry } from './books.ts';
import { evolve } from './evolve.ts';

export type DeliveryOptions = {
  readonly books: Books;
  readonly append: (entries: readonly Entry[]) => Promise<void>;
  /** Sends the event once; true if the receiver took it. */
  readonly post: (delivery: Delivery) => Promise<boolean>;
  readonly sleep?: (durationMs: number, signal: AbortSignal) => Promise<void>;
  readonly onError: (error: Error) => void;
  /** The first wait after a failed attempt; it doubles up to a minute. */
  readonly retryMs?: number;
  readonly attemptsMax?: number;
};

export type Deliveries = {
  /** Delivers the event in its own time. */
  readonly begin: (eventId: string) => void;
  /** Resolves after the first attempt, taken or not; goes on by itself if it was not. */
  readonly first: (eventId: string) => Promise<void>;
  readonly stop: () => void;
};

const retryMsMax = 60_000;
/** One receiver, seldom more than a few processes: more at once would only queue there. */
const inFlightMax = 32;

/** Delivers webhooks until they are taken. What the books hold at the start is begun anew: a restart loses none. */
export function startDeliveries(options: DeliveryOptions): Deliveries {
  const sleep = options.sleep ?? machineSleep;
  const stopping = new AbortController();
  const slots = semaphore(inFlightMax);
  const held = new Map<string, (() => void)[]>();

  async function attempt(delivery: Delivery): Promise<boolean> {
    await slots.take();
    try {
      if (stopping.signal.aborted) return false;
      return await options.post(delivery);
    } finally {
      slots.give();
    }
  }

  async function ended(type: 'delivered' | 'abandoned', delivery: Delivery): Promise<void> {
    const entry: Entry = { type, event: delivery.plan.id };
    evolve(options.books, entry);
    await options.append([entry]);
    for (const release of held.get(delivery.authorisation) ?? []) release();
    held.delete(delivery.authorisation);
  }

  async function run(delivery: Delivery, onFirst: () => void): Promise<void> {
    const { plan } = delivery;
    if (plan.behind_next) await Promise.race([sleep(plan.delay_ms, stopping.signal), laterEventOf(delivery)]);
    else if (plan.delay_ms > 0) await sleep(plan.delay_ms, stopping.signal);
    const attemptsMax = options.attemptsMax ?? 30;
    for (let attempts = 1; !stopping.signal.aborted; attempts += 1) {
      const taken = await attempt(delivery);
      if (taken && plan.copies === 2 && attempts === 1) await attempt(delivery);
      onFirst();
      if (taken) return ended('delivered', delivery);
      if (attempts >= attemptsMax) return ended('abandoned', delivery);
      const waitMs = Math.min((options.retryMs ?? 1_000) * 2 ** (attempts - 1), retryMsMax);
      await sleep(waitMs, stopping.signal);
    }
  }

  function laterEventOf(delivery: Delivery): Promise<void> {
    return new Promise((resolve) => {
      held.set(delivery.authorisation, [...(held.get(delivery.authorisation) ?? []), resolve]);
    });
  }

  function first(eventId: string): Promise<void> {
    const delivery = options.books.deliveries.get(eventId);
    if (delivery === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      run(delivery, resolve).catch(options.onError).finally(resolve);
    });
  }

  for (const eventId of options.books.deliveries.keys()) first(eventId);
  return { begin: (eventId) => void first(eventId), first, stop: () => stopping.abort() };
}

function semaphore(slots: number): { take: () => Promise<void>; give: () => void } {
  const waiting: (() => void)[] = [];
  let free = slots;
  return {
    take() {
      if (free > 0) {
        free -= 1;
        return Promise.resolve();
      }
      return new Promise((resolve) => waiting.push(resolve));
    },
    give() {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    },
  };
}
