import type { Database } from '../../src/shared/postgres/client.ts';
import { type Lane, secrets } from './lane.ts';
import { until } from './till.ts';

/**
 * Waits until nothing is left to be done: every order has ended, every message and webhook is handled, every event is
 * told, and the provider has nothing more to say.
 */
export async function atRest(lane: Lane): Promise<void> {
  let open: Left = {};
  try {
    await until('nothing is left to be done', async () => {
      await lane.whole();
      open = await leftToDo(lane.database);
      if (isSomething(open)) return false;
      open = await owedByProvider(lane.providerUrl);
      if (isSomething(open)) return false;
      // What the provider told until it had nothing more to tell is in the tables now.
      open = await leftToDo(lane.database);
      return !isSomething(open);
    });
  } catch (error) {
    const left = Object.entries(open).filter(([, count]) => count !== 0n);
    throw new Error(`${String(error)}: ${left.map(([what, count]) => `${count} ${what}`).join(', ')}`);
  }
}

type Left = Readonly<Record<string, bigint>>;

function isSomething(left: Left): boolean {
  return Object.values(left).some((count) => count !== 0n);
}

async function leftToDo(database: Database): Promise<Left> {
  const [row] = await database.query<Left>({
    name: 'left_to_do',
    text: `
      select (select count(*) from orders where status not in ('confirmed', 'cancelled')) as orders,
             (select count(*) from payments where status in ('intended', 'authorising', 'unknown', 'voiding'))
               as payments,
             (select count(*) from messages) as messages,
             (select count(*) from dead_letters where status = 'open') as "dead letters",
             (select count(*) from webhooks_received where handled_at is null) as webhooks,
             (select count(*) from domain_events) - (select count(*) from order_timeline) as "untold events"`,
  });
  return row ?? {};
}

async function owedByProvider(url: string): Promise<Left> {
  const headers = { 'x-control-secret': secrets.controlSecret };
  try {
    const response = await fetch(`${url}/control/books`, { headers, signal: AbortSignal.timeout(booksTimeoutMs) });
    const lines = (await response.text()).trim().split('\n');
    const totals = JSON.parse(lines.at(-1) ?? '') as { webhooks: { pending: number } };
    return { 'webhooks of the provider': BigInt(totals.webhooks.pending) };
  } catch {
    // It died a moment ago, and is not back yet.
    return { 'answers of the provider': 1n };
  }
}

const booksTimeoutMs = 5_000;
