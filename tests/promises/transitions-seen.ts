import { expect } from 'vitest';
import { reservationMachine } from '../../src/inventory/reservation.ts';
import { orderMachine } from '../../src/orders/order.ts';
import { paymentMachine } from '../../src/payments/payment.ts';
import { sagaMachine, stepMachine } from '../../src/sagas/saga.ts';
import type { Database } from '../../src/shared/postgres/client.ts';
import { type Machine, mayFollow } from '../../src/shared/transitions.ts';

const watched: readonly { table: string; machine: Machine<string> }[] = [
  { table: 'orders', machine: orderMachine },
  { table: 'payments', machine: paymentMachine },
  { table: 'reservations', machine: reservationMachine },
  { table: 'sagas', machine: sagaMachine },
  { table: 'saga_steps', machine: stepMachine },
];

/** Has the database of a test write down each change of a status from now on. */
export async function watchTransitions(database: Database): Promise<void> {
  await database.execute({
    text: 'create table observed_transitions (machine text, before text, after text, unique (machine, before, after))',
  });
  await database.execute({
    text: `
      create function observe_transition() returns trigger language plpgsql as $$
      begin
        if old.status <> new.status then
          insert into observed_transitions values (tg_table_name, old.status, new.status) on conflict do nothing;
        end if;
        return new;
      end $$`,
  });
  for (const { table } of watched) {
    await database.execute({
      text: `create trigger observed after update on ${table} for each row execute function observe_transition()`,
    });
  }
}

/** Changes that were seen and that the machine of their table does not know. Fails if hardly any was seen. */
export async function illegalTransitions(database: Database): Promise<string[]> {
  const seen = await database.query<{ machine: string; before: string; after: string }>({
    text: 'select machine, before, after from observed_transitions limit 200',
  });
  expect(seen.length).toBeGreaterThan(12);
  return seen.flatMap(({ machine, before, after }) => {
    const known = watched.find((each) => each.table === machine)?.machine;
    return known !== undefined && mayFollow(known, before, after) ? [] : [`${machine}: ${before} to ${after}`];
  });
}
