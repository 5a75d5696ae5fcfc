import { type Books, view } from '../../simulators/payment-provider/books.ts';
import type { Database, Transaction } from '../../src/shared/postgres/client.ts';
import type { ClientCall, Evidence, ProviderAuthorisation, Tables } from './evidence.ts';

type Columns = {
  readonly [Table in keyof Tables]-?: { readonly [Column in keyof NonNullable<Tables[Table]>[number]]-?: true };
};

/** The columns that are read. It does not compile while a table or a column of the evidence is missing. */
const columns: Columns = {
  stock: { merchant_id: true, sku: true, received_units: true, sold_units: true, held_units: true },
  stock_adjustments: { merchant_id: true, sku: true, units: true },
  checkouts: {
    checkout_id: true,
    merchant_id: true,
    caller_id: true,
    status: true,
    quote_version: true,
    order_id: true,
  },
  quotes: { checkout_id: true, version: true, currency: true, total_minor: true, content: true },
  commit_keys: {
    merchant_id: true,
    caller_id: true,
    operation: true,
    idempotency_key: true,
    request_sha256: true,
    checkout_id: true,
    outcome: true,
    order_id: true,
  },
  orders: {
    order_id: true,
    merchant_id: true,
    caller_id: true,
    checkout_id: true,
    quote_version: true,
    status: true,
    currency: true,
    total_minor: true,
    cancel_code: true,
    next_sequence: true,
    deadline_at: true,
  },
  order_lines: {
    order_id: true,
    line_number: true,
    sku: true,
    quantity: true,
    unit_price_minor: true,
    total_minor: true,
  },
  reservations: { order_id: true, merchant_id: true, sku: true, units: true, status: true },
  payments: {
    payment_id: true,
    order_id: true,
    status: true,
    currency: true,
    amount_minor: true,
    authorised_minor: true,
    captured_minor: true,
    provider_reference: true,
    next_check_at: true,
  },
  payment_attempts: { order_id: true, kind: true, provider_key: true, outcome: true, calls: true },
  sagas: { order_id: true, status: true },
  saga_steps: { order_id: true, step: true, status: true, undo: true },
  messages: {
    message_id: true,
    queue: true,
    type: true,
    order_id: true,
    idempotency_key: true,
    attempt: true,
    available_at: true,
  },
  messages_handled: { consumer: true, message_id: true, type: true, order_id: true },
  dead_letters: { message_id: true, type: true, order_id: true, reason: true, status: true },
  domain_events: { event_id: true, order_id: true, sequence: true, type: true, data: true },
  order_timeline: { order_id: true, sequence: true, type: true },
  operator_inbox: { item_id: true, order_id: true, kind: true, reason: true, closed_at: true },
  webhooks_received: { provider: true, event_id: true, handled_at: true },
  messages_written: { message_id: true, type: true },
};

/** Whole tables are read in pages of a cursor: none is too long, and no page is so long that it fills the memory. */
const pageRows = 5_000;

/**
 * All of the tables as they stand at one moment (one snapshot), complete however long they are. With the database's
 * time of that moment, against which what is scheduled is held.
 */
export async function collectTables(database: Database): Promise<{ readonly ours: Tables; readonly takenAt: Date }> {
  return await database.transaction(async (tx) => {
    await tx.execute({ text: 'set transaction isolation level repeatable read, read only' });
    const [clock] = await tx.query<{ now: Date; remembers: boolean }>({
      text: `select now() as now, to_regclass('messages_written') is not null as remembers`,
    });
    if (clock === undefined) throw new Error('the database tells no time');
    const ours: Partial<Record<keyof Tables, readonly object[]>> = {};
    for (const [table, wanted] of Object.entries(columns) as [keyof Tables, object][]) {
      if (table === 'messages_written' && !clock.remembers) continue;
      ours[table] = await wholeTable(tx, table, Object.keys(wanted));
    }
    return { ours: ours as Tables, takenAt: clock.now };
  });
}

async function wholeTable(tx: Transaction, table: string, names: readonly string[]): Promise<object[]> {
  const rows: object[] = [];
  await tx.execute({ text: `declare evidence no scroll cursor for select ${names.join(', ')} from ${table}` });
  for (;;) {
    const page = await tx.query({ text: `fetch forward ${pageRows} from evidence` });
    rows.push(...page);
    if (page.length < pageRows) break;
  }
  await tx.execute({ text: 'close evidence' });
  const [counted] = await tx.query<{ count: bigint }>({ text: `select count(*) from ${table}` });
  if (counted?.count !== BigInt(rows.length)) {
    throw new Error(`${table} has ${counted?.count} rows, and ${rows.length} were read`);
  }
  return rows;
}

/** The evidence of a run that has come to rest. */
export async function collectEvidence(
  database: Database,
  rest: Pick<Evidence, 'theirs' | 'allowsPeople' | 'planted' | 'texts'> & { readonly history: readonly ClientCall[] },
): Promise<Evidence> {
  return { ...(await collectTables(database)), ...rest };
}

/**
 * Has a database write down, from now on, every message that is committed, whatever becomes of it: then promise 6 is
 * judged by each message and not only by those that the state of an order implies. Call it before the first order.
 */
export async function rememberMessages(database: Database): Promise<void> {
  await database.execute({
    text: 'create table if not exists messages_written (message_id uuid primary key, type text)',
  });
  await database.execute({
    text: `
      create or replace function remember_message() returns trigger language plpgsql as $$
      begin
        insert into messages_written values (new.message_id, new.type) on conflict do nothing;
        return new;
      end $$`,
  });
  await database.execute({
    text: `
      create or replace trigger remembered after insert on messages
      for each row execute function remember_message()`,
  });
}

/** Every row of every table as text, for the search of promise 14. Payment tokens are at home in one column only. */
export async function collectTexts(database: Database): Promise<{ where: string; text: string }[]> {
  return await database.transaction(async (tx) => {
    const tables = await tx.query<{ name: string }>({
      text: `
        select quote_ident(tablename) as name from pg_tables where schemaname = 'public' order by tablename
        limit 1000`,
    });
    const texts: { where: string; text: string }[] = [];
    for (const { name } of tables) {
      const rows = (await wholeTable(tx, name, [`to_jsonb(${name})::text as row`])) as { row: string }[];
      texts.push({ where: name, text: rows.map(({ row }) => row).join('\n') });
    }
    return texts;
  });
}

/** The books of a provider in memory, as evidence. */
export function authorisationsOfBooks(books: Books): ProviderAuthorisation[] {
  return [...books.authorisations.values()].map((each) => {
    return evidenceOf({ ...view(each), movements: each.movements });
  });
}

/** The books of a simulator that runs as a server. Fails unless all that its totals count was read. */
export async function fetchAuthorisations(url: string, controlSecret: string): Promise<ProviderAuthorisation[]> {
  const response = await fetch(`${url}/control/books`, {
    headers: { 'x-control-secret': controlSecret },
    signal: AbortSignal.timeout(booksTimeoutMs),
  });
  if (response.status !== 200) throw new Error(`the books are not shown: HTTP ${response.status}`);
  return authorisationsOfLines(await response.text());
}

const booksTimeoutMs = 30_000;

/** The books as the simulator writes them: JSON lines, of which the last one counts those before it. */
export function authorisationsOfLines(text: string): ProviderAuthorisation[] {
  const lines = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as BookLine);
  const found = lines.flatMap((line) => (line.type === 'authorisation' ? [evidenceOf(line)] : []));
  const totals = lines.find((line) => line.type === 'totals');
  if (totals?.authorisations !== found.length) {
    throw new Error(`the books count ${totals?.authorisations} authorisations, and ${found.length} were read`);
  }
  return found;
}

type BookLine =
  | ({ readonly type: 'authorisation' } & Wire)
  | { readonly type: 'totals'; readonly authorisations: number }
  | { readonly type: 'key' };

type Wire = {
  readonly id: string;
  readonly key: string;
  readonly reference: string;
  readonly status: ProviderAuthorisation['status'];
  readonly currency: string;
  readonly amount_minor: number;
  readonly captured_minor: number;
  readonly refunded_minor: number;
  readonly movements: readonly { readonly kind: string }[];
};

function evidenceOf(wire: Wire): ProviderAuthorisation {
  return {
    id: wire.id,
    key: wire.key,
    reference: wire.reference,
    status: wire.status,
    currency: wire.currency,
    amountMinor: BigInt(wire.amount_minor),
    capturedMinor: BigInt(wire.captured_minor),
    refundedMinor: BigInt(wire.refunded_minor),
    captures: wire.movements.filter(({ kind }) => kind === 'captured').length,
  };
}
