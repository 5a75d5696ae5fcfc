import type { Database } from '../../src/shared/postgres/client.ts';
import type { Violation } from './judge.ts';
import { dumpStuck, type NamedProcess } from './stuck.ts';

export type RestOptions = {
  readonly database: Database;
  /** For how long work may go on after the faults have stopped. */
  readonly withinMs: number;
  /** Whether orders may be left to people: on hold, or parked, with an open item in the inbox. */
  readonly allowsPeople?: boolean;
  /** What else must be quiet, such as a provider with webhooks still to deliver. */
  readonly isQuiet?: () => Promise<boolean>;
  /** Processes whose state is of interest when the run is stuck, besides those that this process has started. */
  readonly processes?: readonly NamedProcess[];
  readonly onProgress?: (line: string) => void;
};

/** What is not at rest yet, in numbers. */
type Unrest = {
  readonly orders: number;
  readonly messages: number;
  readonly timeline: number;
};

const pollMs = 250;
/** A message that is due later than this was put off on purpose. The judge of promise 5 has the same bound. */
const farAheadMs = 15_000;

/**
 * Waits until the run has come to rest: every order has ended or is left to people, no message is left to do, the
 * timeline has every event. Looks twice, because what is quiet for a moment may only be between two steps. When the
 * time is over it dumps what hangs, and gives a violation that says where the dump is; an empty list means rest.
 */
export async function awaitRest(options: RestOptions): Promise<Violation[]> {
  const deadline = Date.now() + options.withinMs;
  let quiet = 0;
  let unrest: Unrest | null = null;
  while (Date.now() < deadline) {
    // A database that is still recovering is no rest and no fault.
    unrest = await unrestOf(options).catch(() => null);
    const isQuiet = unrest !== null && isRest(unrest) && ((await options.isQuiet?.()) ?? true);
    quiet = isQuiet ? quiet + 1 : 0;
    if (quiet === 2) return [];
    options.onProgress?.(`coming to rest: ${describe(unrest)}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  const folder = await dumpStuck(options);
  const says = `not at rest within ${options.withinMs} ms: ${describe(unrest)}; dumped into ${folder}`;
  return [{ promise: 5, subject: 'the run', says }];
}

function isRest({ orders, messages, timeline }: Unrest): boolean {
  return orders === 0 && messages === 0 && timeline === 0;
}

function describe(unrest: Unrest | null): string {
  if (unrest === null) return 'the database does not answer';
  const { orders, messages, timeline } = unrest;
  if (isRest(unrest)) return 'all orders have ended, and something else is not quiet';
  return `${orders} orders open, ${messages} messages to do, ${timeline} events not in the timeline`;
}

async function unrestOf({ database, allowsPeople = false }: RestOptions): Promise<Unrest> {
  const [found] = await database.query<Unrest>({
    text: `
      with told as (
        select distinct order_id from operator_inbox where closed_at is null and order_id is not null and $1::boolean
      )
      select (select count(*)::integer from orders o
              where o.status not in ('confirmed', 'cancelled')
                and not exists (select 1 from told t where t.order_id = o.order_id)) as orders,
             (select count(*)::integer from messages
              where attempt > 0 or available_at < now() + $2 * interval '1 millisecond') as messages,
             (select count(*)::integer from domain_events)
             - (select count(*)::integer from order_timeline) as timeline`,
    values: [allowsPeople, farAheadMs],
  });
  if (found === undefined) throw new Error('the database counts nothing');
  return found;
}
