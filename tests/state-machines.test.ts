import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { reservationMachine } from '../src/inventory/reservation.ts';
import { orderMachine } from '../src/orders/order.ts';
import { paymentMachine } from '../src/payments/payment.ts';
import { sagaMachine, stepMachine } from '../src/sagas/saga.ts';
import { diagramOf, faultsOf, type Machine, mayFollow } from '../src/shared/transitions.ts';

const machines: readonly { machine: Machine<string>; table: string }[] = [
  { machine: orderMachine, table: 'orders' },
  { machine: paymentMachine, table: 'payments' },
  { machine: reservationMachine, table: 'reservations' },
  { machine: sagaMachine, table: 'sagas' },
  { machine: stepMachine, table: 'saga_steps' },
];
const schema = readFileSync(new URL('../migrations/0001-first-order/up.sql', import.meta.url), 'utf8');

/** The values that the CHECK of a table's status column allows. */
function statusesOf(sql: string, table: string): string[] {
  const body = new RegExp(`create table ${table} \\(([\\s\\S]*?)\\n\\)`).exec(sql)?.[1] ?? '';
  const check = /^\s+status text not null[^\n]*check \(status in\s*\(([^)]*)\)\)/m.exec(body)?.[1] ?? '';
  return [...check.matchAll(/'([a-z_]+)'/g)].map(([, status = '']) => status).sort();
}

describe('the state machines', () => {
  for (const { machine, table } of machines) {
    test(`every state of the machine of the ${machine.name} is reached and leads to an end`, () => {
      expect(faultsOf(machine)).toEqual([]);
    });

    test(`the schema allows for ${table} the states of the machine and no other`, () => {
      expect(statusesOf(schema, table)).toEqual(Object.keys(machine.transitions).sort());
    });
  }

  test('a dead end, a state that nothing reaches and a circle without an end are found', () => {
    const faulty: Machine<'a' | 'b' | 'c' | 'd' | 'e'> = {
      name: 'faulty',
      initial: 'a',
      final: ['b'],
      transitions: { a: { b: 'ends', c: 'stops' }, b: {}, c: {}, d: { b: 'ends' }, e: { e: 'turns' } },
    };
    expect(faultsOf(faulty)).toEqual([
      'faulty: c never leads to an end',
      'faulty: c is a dead end',
      'faulty: nothing leads to d',
      'faulty: nothing leads to e',
      'faulty: e never leads to an end',
    ]);
  });

  test('a status that only the schema knows is found', () => {
    const status = `status text not null check (status in ('pending', 'lost'))`;
    const sql = `create table orders (\n  ${status},\n  x int\n) with (a);`;
    expect(statusesOf(sql, 'orders')).toEqual(['lost', 'pending']);
  });

  test('no order leaves its end, and a payment that ended may only be given back', () => {
    for (const end of orderMachine.final) expect(orderMachine.transitions[end]).toEqual({});
    for (const end of sagaMachine.final) expect(sagaMachine.transitions[end]).toEqual({});
    for (const end of ['declined', 'voided', 'abandoned'] as const) {
      expect(Object.keys(paymentMachine.transitions[end])).toEqual(['voiding']);
    }
    expect(mayFollow(orderMachine, 'confirmed', 'cancelling')).toBe(false);
  });

  test('a diagram draws each transition with its reason', () => {
    const drawn = diagramOf(reservationMachine).split('\n');
    expect(drawn).toContain('  held --> sold: the order is confirmed');
    expect(drawn.filter((line) => line.includes('-->'))).toHaveLength(5);
  });
});
