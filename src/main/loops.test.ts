import { expect, test } from 'vitest';
import { type LogFields, silentLogger } from '../shared/log.ts';
import { createLoops } from './loops.ts';

const logged: LogFields[] = [];
const log = { ...silentLogger, error: (_message: string, fields?: LogFields) => void logged.push(fields ?? {}) };

test('a loop that ends though nobody stopped it is lost, and named with its reason', async () => {
  const loops = createLoops(log);
  loops.watch('worker', new Promise(() => {}));
  loops.watch('sweeper', Promise.reject(new TypeError('x is undefined\n at y')));
  expect((await loops.lost).message).toBe('The sweeper ended though nobody stopped it: x is undefined.');
  expect(loops.ended()).toEqual(['sweeper']);
  expect(logged[0]).toMatchObject({ task: 'sweeper', error: { name: 'TypeError' } });
});

test('a loop that ends without a reason is lost too', async () => {
  const loops = createLoops(silentLogger);
  loops.watch('worker', Promise.resolve());
  expect((await loops.lost).message).toBe('The worker ended though nobody stopped it.');
});

test('a loop that was released before its end is not missed', async () => {
  const loops = createLoops(silentLogger);
  const release = loops.watch('worker', Promise.reject(new Error('stopped')));
  release();
  await new Promise((resolve) => setImmediate(resolve));
  expect(loops.ended()).toEqual([]);
});
