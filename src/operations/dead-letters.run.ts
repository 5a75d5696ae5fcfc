import type { WholeDeadLetter } from '../messaging/dead-letter.ts';
import { discardDeadLetter, readDeadLetter, replayDeadLetter } from '../messaging/dead-letters.sql.ts';
import { wakeChannel } from '../messaging/waker.run.ts';
import { isRefused, type Refused, refuse } from '../shared/failure.ts';
import { externalId } from '../shared/ids.ts';
import type { Transaction } from '../shared/postgres/client.ts';
import { writeAudit } from './audit.sql.ts';
import type { Deed } from './deed.ts';
import { wakeWorkers } from './wake.sql.ts';

/**
 * Puts a dead letter back into its queue, as if it had never been tried. Safe at any time: a message takes effect once.
 * Refused with `not_possible_now` if it is settled already, or if a message of the same cause is in the queue.
 */
export async function replayLetter(deed: Deed, messageId: string): Promise<Refused | WholeDeadLetter> {
  const letter = await settleLetter(deed, messageId, 'dead letter replayed', null, async (tx) => {
    const { merchantId, by } = deed;
    if (await replayDeadLetter(tx, { merchantId, messageId, by })) return null;
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
  return await settleLetter(deed, messageId, 'dead letter discarded', why, async (tx) => {
    const { merchantId, by } = deed;
    if (await discardDeadLetter(tx, { merchantId, messageId, by, why })) return null;
    return refuse('not_possible_now', `${externalId('message', messageId)} was settled just now by somebody else.`);
  });
}

async function settleLetter(
  deed: Deed,
  messageId: string,
  action: string,
  why: string | null,
  settle: (tx: Transaction) => Promise<Refused | null>,
): Promise<Refused | WholeDeadLetter> {
  const id = externalId('message', messageId);
  return await deed.database.transaction(async (tx) => {
    const letter = await readDeadLetter(tx, deed.merchantId, messageId);
    if (letter === null) return refuse('not_found', `${deed.merchantId} has no dead letter ${id}.`);
    if (letter.status !== 'open') {
      return refuse('not_possible_now', `${id} was ${letter.status} by ${letter.settledBy ?? 'somebody'} already.`);
    }
    const refusal = await settle(tx);
    if (refusal !== null) return refusal;
    await writeAudit(tx, {
      entryId: deed.newId(),
      merchantId: deed.merchantId,
      orderId: letter.orderId,
      actor: deed.by,
      action,
      detail: `${letter.type} ${id}${why === null ? '' : `: ${why}`}`,
    });
    return letter;
  });
}
