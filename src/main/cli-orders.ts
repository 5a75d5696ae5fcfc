import { type Command, Option } from 'commander';
import { type OrderStatus, orderMachine } from '../orders/order.ts';
import { isRefused, refuse } from '../shared/failure.ts';
import { parseExternalId } from '../shared/ids.ts';
import { byOf, byOption, limitOption } from './cli-options.ts';
import type { Answer, Run, Session } from './cli-session.ts';

/** Who owns what the machine cannot settle, as in the processes. */
const inboxOwner = 'operations';

/** `onetill orders …`: what happened to an order, which orders there are, and a person's verdict on a held one. */
export function addOrders(program: Command, run: Run): void {
  const orders = program.command('orders').description('what happened to an order; verdicts on held ones');
  orders
    .command('list')
    .description('orders, newest first')
    .addOption(new Option('--status <status>', 'only of this status').choices(Object.keys(orderMachine.transitions)))
    .option('--before <id>', 'only older ones than this: for the next page')
    .addOption(new Option('--oldest', 'oldest first: what waits longest').conflicts('before'))
    .addOption(limitOption())
    .action((options: ListOptions, command: Command) => run(command, (session) => list(session, options)));
  orders
    .command('show')
    .description('everything about one order on one screen')
    .argument('<id>', 'the order, such as ord_0199…')
    .option('--personal', 'also who buys and where it goes: personal data')
    .action((id: string, options: { personal?: boolean }, command: Command) =>
      run(command, (session) => showOrder(session, id, options.personal === true)),
    );
  for (const verdict of ['accept', 'refuse'] as const) {
    orders
      .command(verdict)
      .description(verdict === 'accept' ? 'a held order goes on' : 'a held order is cancelled')
      .argument('<id>', 'the order, such as ord_0199…')
      .addOption(byOption())
      .action((id: string, options: { by?: string }, command: Command) =>
        run(command, (session) => review(session, id, verdict, byOf(session.io, options))),
      );
  }
}

type ListOptions = {
  readonly status?: OrderStatus;
  readonly before?: string;
  readonly oldest?: boolean;
  readonly limit: number;
};

async function list({ database, merchantId }: Session, options: ListOptions): Promise<Answer> {
  const { newestOrders, oldestOrders } = await import('../operations/order-list.sql.ts');
  const { orderListDocument, renderOrderList } = await import('../operations/order-list.ts');
  const before = options.before === undefined ? null : parseExternalId('order', options.before, '--before');
  if (isRefused(before)) return before;
  const ask = { merchantId, status: options.status ?? null, beforeId: before, limit: options.limit };
  const listed = options.oldest === true ? await oldestOrders(database, ask) : await newestOrders(database, ask);
  return {
    document: orderListDocument(listed, options.oldest === true ? Number.POSITIVE_INFINITY : options.limit),
    text: (paint) => renderOrderList(listed, { status: ask.status, isFirstPage: before === null }, paint),
  };
}

async function showOrder({ database, merchantId }: Session, id: string, personal: boolean): Promise<Answer> {
  const { readOrderStory } = await import('../operations/order-story.run.ts');
  const { renderStory } = await import('../operations/order-screen.ts');
  const orderId = parseExternalId('order', id);
  if (isRefused(orderId)) return orderId;
  const story = await readOrderStory(database, { merchantId, orderId, personal });
  if (story === null) return refuse('not_found', `${merchantId} has no order ${id}.`);
  return { document: story, text: (paint) => renderStory(story, paint) };
}

async function review(session: Session, id: string, verdict: 'accept' | 'refuse', by: string): Promise<Answer> {
  const { reviewOrder } = await import('../operations/review.run.ts');
  const orderId = parseExternalId('order', id);
  if (isRefused(orderId)) return orderId;
  const result = await reviewOrder({ ...session, by }, { orderId, verdict, owner: inboxOwner });
  if (isRefused(result)) return result;
  const said = verdict === 'accept' ? 'accepted: it goes on' : 'refused: what it holds is given back';
  return { document: { order_id: id, verdict, by, sent: result.sent }, text: () => `${id} is ${said}.\n` };
}
