import type { SagaStatus, StepStatus, UndoStatus } from '../../../../src/sagas/saga.ts';
import { count, instant, integer, merchantId, now, oneOf, orNull, text, uuid } from '../columns.ts';
import { table } from '../table.ts';

export const saga = {
  sagas: table(
    {
      order_id: uuid(),
      merchant_id: merchantId(),
      name: text(64, 1),
      version: integer(1),
      status: oneOf<SagaStatus>('running', 'waiting', 'compensating', 'completed', 'compensated', 'parked'),
      status_since: now(),
    },
    ['order_id'],
    { references: [{ columns: ['order_id'], table: 'orders' }] },
  ),
  saga_steps: table(
    {
      order_id: uuid(),
      step: text(64, 1),
      position: integer(0),
      status: oneOf<StepStatus>('running', 'waiting', 'done', 'refused', 'abandoned'),
      undo: oneOf<UndoStatus>('none', 'registered', 'running', 'done', 'parked'),
      attempts: count(),
      undo_attempts: count(),
      detail: orNull(text(500)),
      started_at: now(),
      ended_at: orNull(instant()),
      undone_at: orNull(instant()),
    },
    ['order_id', 'step'],
    { references: [{ columns: ['order_id'], table: 'sagas' }] },
  ),
};

export const people = {
  audit_entries: table(
    {
      entry_id: uuid(),
      merchant_id: merchantId(),
      order_id: orNull(uuid()),
      actor: text(255, 1),
      action: text(64, 1),
      detail: orNull(text(500)),
      at: now(),
    },
    ['entry_id'],
    { never: ['update', 'delete'] },
  ),
  operator_inbox: table(
    {
      item_id: uuid(),
      merchant_id: merchantId(),
      order_id: orNull(uuid()),
      kind: oneOf('fraud_review', 'compensation_parked', 'step_parked', 'late_money'),
      subject: text(255, 1),
      reason: text(500, 1),
      owner: text(255, 1),
      opened_at: now(),
      closed_at: orNull(instant()),
      closed_by: orNull(text(255)),
      resolution: orNull(text(255)),
    },
    ['item_id'],
    {
      unique: {
        one_open_item_per_subject: {
          columns: ['merchant_id', 'kind', 'subject'],
          where: (row) => row.closed_at === null,
        },
      },
      checks: { a_closed_item_says_who: (row) => (row.closed_at === null) === (row.closed_by === null) },
    },
  ),
};
