import { type Command, Option } from 'commander';
import { type LetterStatus, letterStatuses } from '../messaging/dead-letter.ts';
import type { LetterFilter, LettersSettled } from '../operations/dead-letters.run.ts';
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
  addSettling(letters, run);
  addInbox(program, run);
}

type SettlingOptions = {
  readonly by?: string;
  readonly all?: boolean;
  readonly queue?: string;
  readonly type?: string;
};

/** `replay` and `discard`: letters that are named, or all that are open. */
function addSettling(letters: Command, run: Run): void {
  settling(letters, 'replay', 'back into the queue, with no attempt counted').action(
    (ids: string[], options: SettlingOptions, command: Command) => {
      const filter = filterOf(command, ids, options);
      return run(command, async (session) => {
        const { replayLetter, replayLetters } = await import('../operations/dead-letters.run.ts');
        const deed = { ...session, by: byOf(session.io, options) };
        if (filter !== null) return many('replayed', await replayLetters(deed, filter));
        return await each('message', ids, 'replayed', (id) => replayLetter(deed, id));
      });
    },
  );
  settling(letters, 'discard', 'settled without effect')
    .requiredOption('--why <reason>', 'why the effect is not needed', shortText)
    .action((ids: string[], options: SettlingOptions & { why: string }, command: Command) => {
      const filter = filterOf(command, ids, options);
      return run(command, async (session) => {
        const { discardLetter, discardLetters } = await import('../operations/dead-letters.run.ts');
        const deed = { ...session, by: byOf(session.io, options) };
        if (filter !== null) return many('discarded', await discardLetters(deed, filter, options.why));
        return await each('message', ids, 'discarded', (id) => discardLetter(deed, id, options.why));
      });
    });
}

function settling(letters: Command, name: string, does: string): Command {
  return letters
    .command(name)
    .description(does)
    .argument('[ids...]', 'messages, such as msg_0199…')
    .option('--all', 'every one that is open, instead of ids')
    .option('--queue <name>', 'with --all: only of this queue', shortText)
    .option('--type <name>', 'with --all: only of this type of message', shortText)
    .addOption(byOption());
}

/** Which open letters are meant, or null if letters are named. What is neither or both is wrong usage. */
function filterOf(command: Command, ids: readonly string[], options: SettlingOptions): LetterFilter | null {
  const { all = false, queue = null, type = null } = options;
  if (all && ids.length > 0) command.error('error: name messages or say --all, not both');
  if (!all && ids.length === 0) command.error('error: name the messages, or say --all for every one that is open');
  if (!all && (queue ?? type) !== null) command.error('error: --queue and --type go with --all');
  return all ? { queue, type } : null;
}

/** How many letters were settled at once, and why some were not. */
function many(done: 'replayed' | 'discarded', { settled, left, more }: LettersSettled): Answer {
  const why = done === 'replayed' ? 'a message of the same cause is in the queue' : 'somebody else settled them';
  return {
    document: { [`${done}_count`]: settled, left_count: left, more },
    text: () =>
      [
        `${settled} dead ${settled === 1 ? 'letter is' : 'letters are'} ${done}.`,
        ...(left === 0 ? [] : [`${left} were left as they are: ${why}.`]),
        ...(more ? ['More are open: say it again.'] : []),
      ]
        .join(' ')
        .concat('\n'),
  };
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
