import { enqueue, settleOrRetry } from '../messaging/messages.sql.ts';
import type { Handler } from '../messaging/worker.run.ts';
import { applyChange } from '../sagas/change.sql.ts';
import { lockOrder, type SagaOrder } from '../sagas/saga.sql.ts';
import type { SagaChange } from '../sagas/saga.ts';
import { present } from '../shared/assert.ts';
import { Retry } from '../shared/failure.ts';
import type { Transaction } from '../shared/postgres/client.ts';
import { cohortLimits, createCohort } from '../shared/postgres/cohort.ts';
import { providerOf } from './authorise.run.ts';
import type { PaymentsRunOptions } from './check.run.ts';
import { awaitsAnswer } from './decide.ts';
import { voidKey } from './payment.ts';
import type { Authorisation, ProviderOutcome } from './provider.ts';
import { strayMessage } from './stray.ts';

const consumer = 'payments';

/**
 * Gives back an authorisation that stands at the provider beside the one we know: the provider acted twice under one
 * key. Its reference comes from a webhook or from the provider's list; the provider's own word decides whether there is
 * anything to void. A webhook may come before the answer to our call: until that is known, nobody knows which of two is
 * the second one.
 */
export function voidStray(options: PaymentsRunOptions): Handler {
  const cohort = createCohort({ database: options.database, ...cohortLimits });
  return {
    async handle(message) {
      const orderId = present(message.orderId, 'the order of a stray authorisation');
      const { providerReference } = message.payload as { providerReference: string };
      const order = await cohort.transaction(orderId, async (tx) => {
        const locked = present(await lockOrder(tx, orderId, message.traceparent), 'the order');
        const isOpen = awaitsAnswer(locked.payment);
        if (locked.payment.providerReference !== providerReference && !isOpen) return locked;
        await settleOrRetry(tx, message, consumer);
        const { checkAfterMs } = options.timings;
        if (isOpen) await enqueue(tx, [strayMessage(options, locked, providerReference, checkAfterMs)]);
        return null;
      });
      if (order === null) return;
      const key = voidKey(orderId, providerReference);
      const voided = await providerOf(options, order.payment.provider).void({ key, providerReference });
      if (voided.outcome !== 'done' && voided.outcome !== 'refused') {
        throw new Retry(voided.reason, 'retryAfterMs' in voided ? { retryAfterMs: voided.retryAfterMs } : {});
      }
      await cohort.transaction(orderId, async (tx) => {
        const current = present(await lockOrder(tx, orderId, message.traceparent), 'the order');
        await write(tx, options, current, whatCameOfIt(providerReference, voided));
        await settleOrRetry(tx, message, consumer);
      });
    },
    async onDead(tx, message, reason) {
      const order = await lockOrder(tx, present(message.orderId, 'the order of a stray authorisation'), null);
      if (order === null) return;
      const { providerReference } = message.payload as { providerReference: string };
      await write(
        tx,
        options,
        order,
        stillLive(`a second authorisation ${providerReference} is still live: ${reason}`),
      );
    },
  };
}

function whatCameOfIt(
  providerReference: string,
  voided: Extract<ProviderOutcome<Authorisation>, { outcome: 'done' | 'refused' }>,
): SagaChange {
  if (voided.outcome === 'done') {
    return { ...nothing, audit: [{ action: 'stray authorisation voided', detail: providerReference }] };
  }
  return stillLive(`the provider refuses to void the second authorisation ${providerReference}: ${voided.reason}`);
}

function stillLive(told: string): SagaChange {
  return {
    ...nothing,
    audit: [{ action: 'stray authorisation not voided', detail: told }],
    inbox: [{ kind: 'late_money', reason: told }],
  };
}

const nothing: SagaChange = { steps: [], send: [], events: [], audit: [], inbox: [] };

async function write(
  tx: Transaction,
  options: PaymentsRunOptions,
  order: SagaOrder,
  change: SagaChange,
): Promise<void> {
  await applyChange(tx, order, change, { actor: options.actor, newId: options.newId, owner: options.inboxOwner });
}
