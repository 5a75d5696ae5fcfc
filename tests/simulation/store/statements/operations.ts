import type { Row } from '../schema.ts';
import { byText, byTime, jsonOf, later, type Statements, statement } from '../statement.ts';
import { letterColumns } from './messages.ts';

/** src/operations/audit.sql.ts and inbox.sql.ts, src/messaging/dead-letters.sql.ts */
export const ofOperations: Statements = {
  write_audit: statement<[string]>((run, [entries]) => {
    const rows = jsonOf<NewEntry[]>(entries);
    for (const { entryId: entry_id, merchantId: merchant_id, orderId: order_id, actor, action, detail } of rows) {
      run.insert('audit_entries', { entry_id, merchant_id, order_id, actor, action, detail });
    }
    return rows.length;
  }),

  read_inbox_item: statement<[string, string]>((run, [merchantId, itemId]) =>
    run.rows('operator_inbox', { key: [itemId], is: (item) => item.merchant_id === merchantId }).map((item) => ({
      itemId: item.item_id,
      kind: item.kind,
      orderId: item.order_id,
      orderStatus: item.order_id === null ? null : (run.row('orders', [item.order_id])?.status ?? null),
      reason: item.reason,
      owner: item.owner,
      openedAt: item.opened_at,
      closedAt: item.closed_at,
      closedBy: item.closed_by,
      resolution: item.resolution,
    })),
  ),

  close_inbox_item: statement<[string, string, string, string]>((run, [merchantId, itemId, by, resolution]) => {
    return run.update(
      'operator_inbox',
      { key: [itemId], is: (item) => item.merchant_id === merchantId && item.closed_at === null },
      () => ({ closed_at: run.now, closed_by: by, resolution }),
    ).length;
  }),

  read_dead_letter: statement<[string, string]>((run, [merchantId, messageId]) =>
    run.rows('dead_letters', { key: [messageId], is: (letter) => letter.merchant_id === merchantId }).map((letter) => ({
      messageId: letter.message_id,
      queue: letter.queue,
      type: letter.type,
      schemaVersion: letter.schema_version,
      orderId: letter.order_id,
      attempt: letter.attempt,
      firstEnqueuedAt: letter.first_enqueued_at,
      diedAt: letter.died_at,
      reason: letter.reason,
      status: letter.status,
      settledAt: letter.settled_at,
      settledBy: letter.settled_by,
      settledWhy: letter.settled_why,
      idempotencyKey: letter.idempotency_key,
      payload: letter.payload,
      traceparent: letter.traceparent,
      history: letter.history,
    })),
  ),

  rested_letters: statement<[string[], number, number]>((run, [types, restMs, limit]) => {
    const since = later(run.now, -restMs);
    const isRested = (letter: Row<'dead_letters'>): boolean =>
      letter.status === 'open' && types.includes(letter.type) && letter.died_at <= since;
    const isAlive = (letter: Row<'dead_letters'>): boolean =>
      run.rows('messages', {
        is: ({ queue, type, idempotency_key }) =>
          queue === letter.queue && type === letter.type && idempotency_key === letter.idempotency_key,
      }).length > 0;
    return run
      .rows('dead_letters', { is: isRested })
      .filter((letter) => !isAlive(letter))
      .sort((left, right) => byTime(left.died_at, right.died_at))
      .slice(0, limit)
      .map(({ message_id: messageId }) => ({ messageId }));
  }),

  replay_dead_letters: statement<[string[], string | null, string[], string]>((run, values) => {
    const [messageIds, merchantId, statuses, by] = values;
    const letters = run.lock(
      'dead_letters',
      {
        is: ({ message_id, merchant_id, status }) =>
          messageIds.includes(message_id) &&
          (merchantId === null || merchant_id === merchantId) &&
          statuses.includes(status),
      },
      { by: (left, right) => byText(left.message_id, right.message_id) },
    );
    const putBack = letters.filter((letter) => {
      const history = (letter.history as unknown[]).slice(-40);
      return run.insert('messages', { ...letterColumns(letter), attempt: 0, history }, 'nothing') !== null;
    });
    return putBack.flatMap(({ message_id }) =>
      run
        .update('dead_letters', { key: [message_id] }, () => {
          return { status: 'replayed' as const, settled_at: run.now, settled_by: by, settled_why: null };
        })
        .map(settledColumns),
    );
  }),

  discard_dead_letters: statement<[string, string[], string, string]>((run, [merchantId, messageIds, by, why]) =>
    run
      .update(
        'dead_letters',
        {
          is: ({ message_id, merchant_id, status }) =>
            messageIds.includes(message_id) && merchant_id === merchantId && status === 'open',
        },
        () => ({ status: 'discarded' as const, settled_at: run.now, settled_by: by, settled_why: why }),
      )
      .map(settledColumns),
  ),

  wake_workers: statement<[string, string]>((run, [channel, payload]) => {
    run.notify(channel, payload);
    return [{ pg_notify: '' }];
  }),
};

type NewEntry = {
  readonly entryId: string;
  readonly merchantId: string;
  readonly orderId: string | null;
  readonly actor: string;
  readonly action: string;
  readonly detail: string | null;
};

function settledColumns({ message_id: messageId, queue, type, order_id: orderId }: Row<'dead_letters'>): object {
  return { messageId, queue, type, orderId };
}
