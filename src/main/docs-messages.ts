import { spanOfAttempts } from '../messaging/message.ts';
import { messageTypes, type QueueSettings, queues } from '../messaging/queues.ts';
import { span } from '../operations/screen.ts';
import { partiesAsMarkdown } from '../shared/parties.ts';
import { duration, head, table } from './docs-page.ts';

/** docs/queues.md: the named queues and the messages that go through them. */
export function queuesPage(): string {
  const introduction = [
    "Messages wait in the order's own database and are written in its own transactions. A worker takes them under",
    'a lease, renews it while it works, and tries again after a failure with exponential backoff and full jitter,',
    'or after the time that the other side asked for. What is out of attempts becomes a [dead',
    'letter](runbooks/dead-letter.md). The attempts of a queue last as long as the waits between them: on average,',
    'and at the most; the calls themselves and a longer Retry-After come on top. An outage that lasts longer than',
    'that makes dead letters.',
  ].join('\n');
  const ofQueues = Object.entries(queues).map(([name, settings]: [string, QueueSettings]) => [
    `\`${name}\``,
    settings.concurrency,
    duration(settings.leaseMs),
    settings.attemptsMax,
    `${duration(settings.backoffBaseMs)} to ${duration(settings.backoffCapMs)}`,
    lasting(settings),
    settings.why,
  ]);
  const ofTypes = Object.entries(messageTypes).map(([type, { queue, versions }]) => [
    `\`${type}\``,
    `\`${queue}\``,
    Object.keys(versions).join(', '),
  ]);
  return [
    head('Queues', '`src/messaging/queues.ts`', introduction),
    table(['queue', 'at once, per worker', 'lease', 'attempts', 'backoff', 'all attempts last', 'why'], ofQueues),
    '\n## Types of messages\n',
    table(['type', 'queue', 'versions that are understood'], ofTypes),
    '',
  ].join('\n');
}

function lasting(settings: QueueSettings): string {
  const { averageMs, longestMs } = spanOfAttempts(settings);
  return `${span(averageMs)}, at most ${span(longestMs)}`;
}

/** docs/parties.md: how each outside party is treated. */
export function partiesPage(): string {
  const introduction = [
    'Every call out of the process goes to one of these parties, under its limits. A call that certainly never',
    'left may be made once more at once; everything else is tried again by the queue, or asked for.',
  ].join('\n');
  return `${head('Outside parties', '`src/shared/parties.ts`', introduction)}\n${partiesAsMarkdown()}\n`;
}
