import { type QueueName, queueNames } from '../../src/messaging/queues.ts';
import type { WorkerOptions } from '../../src/messaging/worker.run.ts';
import { type ShopAddress, type Stoppable, startApi, startShopSweeper, startShopWorker } from '../harness/http-shop.ts';

/** What a process of a race runs: any of the parts of the shop, with the short settings of the harness. */
export type ProcessTask = ShopAddress & {
  readonly runs: readonly ('api' | 'worker' | 'sweeper')[];
  /** Of the worker; left out: all. */
  readonly queues?: readonly QueueName[];
};

/** What it says, one JSON object a line. */
export type ProcessLine =
  | { readonly kind: 'ready'; readonly apiUrl: string | null; readonly nowMs: number }
  | { readonly kind: 'handled'; readonly type: string; readonly orderId: string | null; readonly result: string };

const task = JSON.parse(process.argv[2] ?? '') as ProcessTask;
const running: Stoppable[] = [];
// Ends with its parent, whatever ends it.
process.stdin.resume().once('end', () => {
  void Promise.allSettled(running.map((each) => each.stop())).then(() => process.exit(0));
});

let apiUrl: string | null = null;
if (task.runs.includes('api')) {
  const api = await startApi(task.databaseUrl);
  running.push(api);
  apiUrl = api.url;
}
if (task.runs.includes('worker')) {
  const { queues = queueNames } = task;
  const onHandled: WorkerOptions['onHandled'] = ({ type, orderId }, result) =>
    say({ kind: 'handled', type, orderId, result });
  running.push(await startShopWorker(task, { queues, onHandled }));
}
if (task.runs.includes('sweeper')) running.push(await startShopSweeper(task.databaseUrl));
say({ kind: 'ready', apiUrl, nowMs: Date.now() });

function say(line: ProcessLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
