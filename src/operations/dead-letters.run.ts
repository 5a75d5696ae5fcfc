import type { LetterStatus, WholeDeadLetter } from '../messaging/dead-letter.ts';
import {
  discardDeadLetters,
  openLetterIds,
  readDeadLetter,
  replayDeadLetters,
  type SettledLetter,
} from '../messaging/dead-letters.sql.ts';
import { wakeChannel } from '../messaging/waker.run.ts';
import { stopwatch } from '../shared/clock.ts';
import { isRefused, type Refused, refuse } from '../shared/failure.ts';
import { externalId } from '../shared/ids.ts';
import type { Transaction } from '../shared/postgres/client.ts';
import { writeAudit } from './audit.sql.ts';
import type { Deed } from './deed.ts';
import { wakeWorkers } from './wake.sql.ts';

/**
 * Puts a dead letter back into its queue, as if it had never been tried. Safe at any time: a message takes effect once.
 * A letter that was discarded is taken up again like one that is open: an order whose undo was given up has no other
 * way to its end. Refused with `not_possible_now` if it is replayed already, or if a message of the same cause is in
 * the queue.
 */
export async function replayLetter(deed: Deed, messageId: string): Promise<Refused | WholeDeadLetter> {
  const letter = await settleLetter(deed, messageId, replaying(deed, ['open', 'discarded']), async () => {
    const id = externalId('message', messageId);
    return refuse(
      'not_possible_now',
      `A message of the same cause is in the queue already: ${id} is not needed, and may be discarded.`,
    );
  });
  if (!isRefused(letter)) await wakeWorkers(deed.database, wakeChannel, [letter.queue]);
  return letter;
}

/** Gives up the effect of a dead letter: it is settled, and who and why are kept. */
export async function discardLetter(deed: Deed, messageId: string, why: string): Promise<Refused | WholeDeadLetter> {
  return await settleLetter(deed, messageId, discarding(deed, why), async () =>
    refuse('not_possible_now', `${externalId('message', messageId)} was settled just now by somebody else.`),
  );
}

/** Which open letters of the merchant are meant. Null: of every queue, of every type. */
export type LetterFilter = { readonly queue: string | null; readonly type: string | null };

export type LettersSettled = {
  readonly settled: number;
  /** Were open and stay so: a message of the same cause is in the queue. */
  readonly left: number;
  /** The bound of one command was reached, and more are open. */
  readonly more: boolean;
};

/** Replays the open letters of the filter that were dead when it began, in batches: what is done stays done. */
export async function replayLetters(deed: Deed, filter: LetterFilter): Promise<LettersSettled> {
  return await inBatches(deed, filter, replaying(deed, ['open']), async (letters) => {
    const queues = [...new Set(letters.map((letter) => letter.queue))];
    if (queues.length > 0) await wakeWorkers(deed.database, wakeChannel, queues);
  });
}

/** Gives up the effects of the open letters of the filter, in the same way. */
export async function discardLetters(deed: Deed, filter: LetterFilter, why: string): Promise<LettersSettled> {
  return await inBatches(deed, filter, discarding(deed, why), async () => {});
}

/** How letters are settled: from which statuses, under which name in the audit trail, and why. */
type Settling = {
  readonly from: readonly LetterStatus[];
  readonly action: string;
  readonly why: string | null;
  settle(tx: Transaction, messageIds: readonly string[]): Promise<SettledLetter[]>;
};

function replaying({ merchantId, by }: Deed, from: readonly LetterStatus[]): Settling {
  return {
    from,
    action: 'dead letter replayed',
    why: null,
    settle: (tx, messageIds) => replayDeadLetters(tx, { merchantId, messageIds, statuses: from, by }),
  };
}

function discarding({ merchantId, by }: Deed, why: string): Settling {
  return {
    from: ['open'],
    action: 'dead letter discarded',
    why,
    settle: (tx, messageIds) => discardDeadLetters(tx, { merchantId, messageIds, by, why }),
  };
}

async function settleLetter(
  deed: Deed,
  messageId: string,
  settling: Settling,
  refusal: () => Promise<Refused>,
): Promise<Refused | WholeDeadLetter> {
  const id = externalId('message', messageId);
  return await deed.database.transaction(async (tx) => {
    const letter = await readDeadLetter(tx, deed.merchantId, messageId);
    if (letter === null) return refuse('not_found', `${deed.merchantId} has no dead letter ${id}.`);
    if (!settling.from.includes(letter.status)) {
      return refuse('not_possible_now', `${id} was ${letter.status} by ${letter.settledBy ?? 'somebody'} already.`);
    }
    const settled = await settling.settle(tx, [messageId]);
    if (settled.length === 0) return await refusal();
    await writeAudit(tx, ...entriesOf(deed, settling, settled));
    return letter;
  });
}

function entriesOf(deed: Deed, { action, why }: Settling, letters: readonly SettledLetter[]) {
  return letters.map(({ messageId, type, orderId }) => ({
    entryId: deed.newId(),
    merchantId: deed.merchantId,
    orderId,
    actor: deed.by,
    action,
    detail: `${type} ${externalId('message', messageId)}${why === null ? '' : `: ${why}`}`,
  }));
}

const batchSizeMax = 100;
const batchesMax = 100;

/**
 * A letter that is replayed may die again while this runs: only what was dead at the beginning is looked at, each
 * letter once, so it ends.
 */
async function inBatches(
  deed: Deed,
  filter: LetterFilter,
  settling: Settling,
  afterBatch: (letters: readonly SettledLetter[]) => Promise<void>,
): Promise<LettersSettled> {
  const { database, merchantId } = deed;
  const elapsedMs = stopwatch();
  const next = (afterId: string | null, limit: number) =>
    openLetterIds(database, { ...filter, merchantId, deadForMs: elapsedMs(), afterId, limit });
  let settled = 0;
  let seen = 0;
  let last: string | null = null;
  for (let batch = 0; batch < batchesMax; batch += 1) {
    const messageIds = await next(last, batchSizeMax);
    const letters = await database.transaction(async (tx) => {
      const done = await settling.settle(tx, messageIds);
      await writeAudit(tx, ...entriesOf(deed, settling, done));
      return done;
    });
    await afterBatch(letters);
    settled += letters.length;
    seen += messageIds.length;
    last = messageIds.at(-1) ?? last;
    if (messageIds.length < batchSizeMax) return { settled, left: seen - settled, more: false };
  }
  return { settled, left: seen - settled, more: (await next(last, 1)).length > 0 };
}
