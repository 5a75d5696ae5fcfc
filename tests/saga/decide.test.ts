import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { orderMachine } from '../../src/orders/order.ts';
import { answersOf, causesSettledBy } from '../../src/sagas/answers.ts';
import {
  afterDeadline,
  afterReview,
  afterStep,
  afterUndo,
  afterUndoParked,
  registerUndo,
} from '../../src/sagas/decide.ts';
import { onlineOrder } from '../../src/sagas/online-order.ts';
import { parkedUndoRestMs, type SagaChange, type StepState, undosOf } from '../../src/sagas/saga.ts';
import { explore, first, held, nextOf, withSteps } from './every-state.ts';

const explored = explore();

test('whatever is redelivered, late, parked or overdue, no order comes to a state that breaks its saga', () => {
  expect([...explored.faults]).toEqual([]);
  expect(explored.worlds.size).toBeGreaterThan(200);
});

test('from every state of the saga an order can still come to its end', () => {
  const { worlds, from } = explored;
  const ends = [...worlds]
    .filter(([, { saga }]) => orderMachine.final.includes(saga.orderStatus))
    .map(([name]) => name);
  const canEnd = new Set(ends);
  for (const name of canEnd) for (const before of from.get(name) ?? []) canEnd.add(before);
  expect([...worlds.keys()].filter((name) => !canEnd.has(name))).toEqual([]);
  const seen = new Set([...worlds.values()].map(({ saga }) => `${saga.orderStatus} ${saga.cancelCode ?? ''}`.trim()));
  for (const end of [
    'confirmed',
    'cancelled order_refused',
    'cancelled payment_failed',
    'cancelled payment_timed_out',
  ]) {
    expect([...seen]).toContain(end);
  }
});

test('an order that ended stays as it ended, whatever comes late', () => {
  const { worlds } = explored;
  for (const world of worlds.values()) {
    if (!orderMachine.final.includes(world.saga.orderStatus)) continue;
    for (const [did, next] of nextOf(world)) {
      expect([did, next.saga.orderStatus, next.saga.cancelCode]).toEqual([
        did,
        world.saga.orderStatus,
        world.saga.cancelCode,
      ]);
    }
  }
});

test('money that comes after the order was cancelled is sent back, and the order stays cancelled', () => {
  const late = [...explored.worlds.values()].filter(
    ({ saga, inHand }) => saga.orderStatus === 'cancelled' && inHand.has('authorise-payment'),
  );
  expect(late.length).toBeGreaterThan(0);
  for (const world of late) {
    const change = afterStep(world.saga, 'authorise-payment', { outcome: 'done', detail: 'late' });
    expect(change.send).toEqual(['void-authorisation']);
    expect(change.steps.map((step) => step.undo)).toEqual(['registered']);
  }
});

test('an undo that was parked stays parked until it is done, and a retry that fails is no news', () => {
  const parked = [...explored.worlds.values()].filter(({ saga }) => saga.steps.get('hold-stock')?.undo === 'parked');
  expect(parked.length).toBeGreaterThan(0);
  for (const { saga } of parked) {
    expect(registerUndo(saga, 'release-stock')?.undo).toBe('parked');
    const again = afterUndoParked(saga, 'release-stock', 'still away');
    expect([again.audit, again.inbox.map(({ kind }) => kind)]).toEqual([[], ['compensation_parked']]);
    const done = afterUndo(saga, 'release-stock', 'two units', []);
    expect(done.steps.find((step) => step.step === 'hold-stock')).toMatchObject({ undo: 'done', detail: 'two units' });
    expect(causesSettledBy(saga, done)).toContain('release-stock');
  }
});

test('a person who is asked about an order learns what came of it, by a person or for want of one', () => {
  const onHold = [...explored.worlds.values()].filter(({ saga }) => saga.orderStatus === 'on_hold');
  expect(onHold.length).toBeGreaterThan(0);
  for (const { saga } of onHold) {
    const told = (change: SagaChange | null) => change && answersOf(saga, change).map((each) => each.resolution);
    expect(told(afterReview(saga, 'accept', 'ada'))).toEqual(['order accepted', 'the order is pending']);
    expect(told(afterReview(saga, 'refuse', 'ada'))).toEqual(['order refused', 'the order is cancelling']);
    const forgotten = ['nobody decided in time: the order was refused', 'the order is cancelling'];
    expect(told(afterDeadline(saga))).toEqual(forgotten);
  }
});

test('a step that has its outcome settles its cause once, and one that comes again does not', () => {
  const running: StepState = { ...held, step: 'authorise-payment', status: 'running' };
  const saga = withSteps({ ...first.saga, status: 'running' }, [running]);
  const done = afterStep(saga, 'authorise-payment', { outcome: 'done', detail: 'authorised' });
  expect(causesSettledBy(saga, done)).toEqual(['authorise-payment']);
  const again = afterStep(saga, 'authorise-payment', { outcome: 'again', reason: 'unknown' });
  expect(causesSettledBy(saga, again)).toEqual([]);
  expect(causesSettledBy(withSteps(saga, done.steps), done)).toEqual([]);
});

test('the runbooks say how long a parked undo rests, and of which undos that is true', () => {
  const said = `${parkedUndoRestMs / 60_000} minutes`;
  const page = readFileSync('docs/runbooks/dead-letter.md', 'utf8');
  expect(page).toContain(`tried again by the sweeper, ${said} after each death`);
  expect(readFileSync('docs/runbooks/stuck-payment.md', 'utf8')).toContain(`tried again every ${said} or so`);
  for (const undo of undosOf(onlineOrder)) expect(page).toContain(`\`${undo}\``);
});
