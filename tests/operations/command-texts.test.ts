import { expect, test } from 'vitest';
import { onetill } from './captured.ts';

const card = '4242 4242 4242 4242';

test.each([
  ['a reason', ['stock', 'set', '85123A', '5', '--reason', `paid with ${card}`]],
  ['a reason that is also too long', ['stock', 'set', '85123A', '5', '--reason', `${card} ${'x'.repeat(300)}`]],
  ['why', ['dead-letters', 'discard', 'msg_1', '--why', card]],
  ['a resolution', ['inbox', 'close', 'inb_1', '--resolution', '4242.4242.4242.4242']],
  ['a name', ['callers', 'add', 'front', '--name', 'shop4242424242424242']],
  ['who does it', ['orders', 'accept', 'ord_1', '--by', card]],
  ['the name of a file', ['import', 'products', `${card}.csv`]],
])('a card number in %s is refused before anything is done, and is not repeated', async (_what, argv) => {
  for (const more of [[], ['--json']]) {
    const said = await onetill(null, [...argv, ...more]);
    expect(said).toMatchObject({ exitCode: 2, out: '' });
    expect(said.err).toContain('looks like a card number');
    expect(said.err).not.toMatch(/4242/);
  }
});

test('a text with a number that is no card is taken as it is', async () => {
  const said = await onetill(null, [
    '--data',
    '/nowhere/onetill',
    'stock',
    'set',
    'A',
    '5',
    '--reason',
    'EAN 4006381333931',
  ]);
  expect(said.err).toContain('Nothing runs on /nowhere/onetill');
});
