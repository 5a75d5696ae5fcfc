import { type Command, Option } from 'commander';
import { type LetterStatus, letterStatuses } from '../messaging/dead-letter.ts';
import { isRefused, type Refused, refuse } from '../shared/failure.ts';
import { type IdType, parseExternalId } from '../shared/ids.ts';
import { byOf, byOption, limitOption, shortText } from './cli-options.ts';
import type { Answer, Run, Session } from './cli-session.ts';

/** `onetill queues`, `onetill dead-letters …` and `onetill inbox …`: what waits, and for whom. */
export function addQueues(program: Command, run: Run): void {
  program
    .command('queues')
    .description('depth, oldest first attempt, failures and dead letters of each queue')
    .action((_options: object, command: Command) => run(command, queues));
  const letters = program.command('dead-letters').description('messages that are out of attempts');
  letters
    .command('list')
    .description('dead letters, newest first; those that are open unless you say otherwise')
    .addOption(
      new Option('--status <status>', 'only of this status, or all')
        .choices([...letterStatuses, 'all'])
        .default('open'),
    )
    .option('--queue <name>', 'only of this queue')
    .addOption(limitOption())
    .action((options: LetterOptions, command: Command) => run(command, (session) => listLetters(session, options)));
  letters
    .command('show')
    .description('one dead letter, with every attempt')
    .argument('<id>', 'the message, such as msg_0199…')
    .action((id: string, _options: object, command: Command) => run(command, (session) => showLetter(session, id)));
  letters
    .command('replay')
    .description('back into the queue, with no attempt counted')
    .argument('<ids...>', 'messages, such as msg_0199…')
    .addOption(byOption())
    .action((ids: string[], options: { by?: string }, command: Command) =>
      run(command, async (session) => {
        const { replayLetter } = await import('../operations/dead-letters.run.ts');
        const deed = { ...session, by: byOf(session.io, options) };
        return await each('message', ids, 'replayed', (id) => replayLetter(deed, id));
      }),
    );
  letters
    .command('discard')
    .description('settled without effect')
    .argument('<ids...>', 'messages, such as msg_0199…')
    .addOption(byOption())
    .requiredOption('--why <reason>', 'why the effect is not needed', shortText)
    .action((ids: string[], options: { by?: string; why: string }, command: Command) =>
      run(command, async (session) => {
        const { discardLetter } = await import('../operations/dead-letters.run.ts');
        const deed = { ...session, by: byOf(session.io, options) };
        return await each('message', ids, 'discarded', (id) => discardLetter(deed, id, options.why));
      }),
    );
  addInbox(program, run);
}

function addInbox(program: Command, run: Run): void {
  const inbox = program.command('inbox').description('what a machine could not settle, and waits for a person');
  inbox
    .command('list')
    .description('items, oldest first; without the closed ones unless you say otherwise')
    .option('--all', 'the closed ones too')
    .addOption(limitOption())
    .action((options: { all?: boolean; limit: number }, command: Command) =>
      run(command, async ({ database, merchantId }) => {
        const { listInbox } = await import('../operations/inbox.sql.ts');
        const { itemDocument, renderInbox } = await import('../operations/inbox-screen.ts');
        const items = await listInbox(database, { ...options, merchantId, closedToo: options.all === true });
        return { document: { items: items.map(itemDocument) }, text: (paint) => renderInbox(items, paint) };
      }),
    );
  inbox
    .command('close')
    .description('done with, with what came of it')
    .argument('<ids...>', 'items, such as inb_0199…')
    .addOption(byOption())
    .requiredOption('--resolution <text>', 'what came of it', shortText)
    .action((ids: string[], options: { by?: string; resolution: string }, command: Command) =>
      run(command, async (session) => {
        const { closeItem } = await import('../operations/inbox.run.ts');
        const deed = { ...session, by: byOf(session.io, options) };
        return await each('inbox', ids, 'closed', (itemId) =>
          closeItem(deed, { itemId, resolution: options.resolution }),
        );
      }),
    );
}

async function queues({ database, merchantId }: Session): Promise<Answer> {
  const { countOpenLetters, readQueueDepths } = await import('../messaging/queue-depths.sql.ts');
  const { queueNames } = await import('../messaging/queues.ts');
  const { queuesDocument, renderQueues } = await import('../operations/queue-screen.ts');
  const depths = await readQueueDepths(database, merchantId);
  const document = queuesDocument(queueNames, depths, await countOpenLetters(database, merchantId));
  return { document, text: (paint) => renderQueues(document, paint) };
}

type LetterOptions = { readonly status: LetterStatus | 'all'; readonly queue?: string; readonly limit: number };

async function listLetters({ database, merchantId }: Session, options: LetterOptions): Promise<Answer> {
  const { listDeadLetters } = await import('../messaging/dead-letters.sql.ts');
  const { letterDocument, renderLetters } = await import('../operations/queue-screen.ts');
  const status = options.status === 'all' ? null : options.status;
  const which = `${status === null ? '' : `${status} `}dead letters`;
  const found = await listDeadLetters(database, { ...options, merchantId, status, queue: options.queue ?? null });
  return { document: { dead_letters: found.map(letterDocument) }, text: (paint) => renderLetters(found, which, paint) };
}

async function showLetter({ database, merchantId }: Session, id: string): Promise<Answer> {
  const { readDeadLetter } = await import('../messaging/dead-letters.sql.ts');
  const { renderLetter, wholeLetterDocument } = await import('../operations/queue-screen.ts');
  const messageId = parseExternalId('message', id);
  if (isRefused(messageId)) return messageId;
  const letter = await readDeadLetter(database, merchantId, messageId);
  if (letter === null) return refuse('not_found', `${merchantId} has no dead letter ${id}.`);
  return { document: wholeLetterDocument(letter), text: (paint) => renderLetter(letter, paint) };
}

/**
 * Does the deed to each id by itself. What is done stays done: after the first refusal the rest is left alone, and the
 * refusal says what was done before it.
 */
async function each(
  type: IdType,
  ids: readonly string[],
  done: string,
  act: (uuid: string) => Promise<Refused | object>,
): Promise<Answer> {
  const uuids = ids.map((id) => parseExternalId(type, id));
  const malformed = uuids.find(isRefused);
  if (malformed !== undefined) return malformed;
  for (const [index, uuid] of uuids.entries()) {
    const result = await act(String(uuid));
    if (!isRefused(result)) continue;
    const before = index === 0 ? '' : ` Before it, ${index} of ${ids.length} were ${done}.`;
    return {
      ...result,
      message: `${result.message}${before}`,
      details: { ...result.details, [done]: ids.slice(0, index) },
    };
  }
  return { document: { [done]: ids }, text: () => ids.map((id) => `${id} is ${done}.\n`).join('') };
}
