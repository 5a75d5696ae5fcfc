import type { Command } from 'commander';
import { isRefused, refuse } from '../shared/failure.ts';
import { parseExternalId } from '../shared/ids.ts';
import type { Run } from './cli-session.ts';

/** `onetill orders …`: what happened to an order, which orders there are, and a person's verdict on a held one. */
export function addOrders(program: Command, run: Run): void {
  const orders = program.command('orders').description('what happened to an order; verdicts on held ones');
  orders
    .command('show')
    .description('everything about one order on one screen')
    .argument('<id>', 'the order, such as ord_0199…')
    .option('--personal', 'also who buys and where it goes: personal data')
    .action((id: string, options: { personal?: boolean }, command: Command) =>
      run(command, async ({ database, merchantId }) => {
        const [{ readOrderStory }, { renderStory }] = await Promise.all([
          import('../operations/order-story.run.ts'),
          import('../operations/order-screen.ts'),
        ]);
        const orderId = parseExternalId('order', id);
        if (isRefused(orderId)) return orderId;
        const story = await readOrderStory(database, { merchantId, orderId, personal: options.personal === true });
        if (story === null) return refuse('not_found', `${merchantId} has no order ${id}.`);
        return { document: story, text: (paint) => renderStory(story, paint) };
      }),
    );
}
