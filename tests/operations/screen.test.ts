import { describe, expect, test } from 'vitest';
import { instant, oneLine, type Paint, span, table, when } from '../../src/operations/screen.ts';

const plain: Paint = (_style, text) => text;
const painted: Paint = (style, text) => `<${style}>${text}</>`;

describe('the screen', () => {
  test('columns are aligned under their titles, numbers to the right, and nothing trails', () => {
    const shown = table(
      ['name', '>units', 'why'],
      [
        ['a', 5, null],
        ['long name', 1_000n, 'because'],
      ],
      plain,
    );
    expect(shown.split('\n')).toEqual(['  name       units  why', '  a              5', '  long name   1000  because']);
    expect(table(['name'], [], plain)).toBe('  -');
  });

  test('colour changes no alignment', () => {
    const shown = table(
      ['a', 'b'],
      [
        [{ text: 'x', style: 'red' }, 'y'],
        ['long', 'z'],
      ],
      painted,
    );
    expect(shown.split('\n')).toEqual(['  <dim>a     b</>', '  <red>x</>     y', '  long  z']);
  });

  test('text from outside cannot steer the terminal or break a row', () => {
    const nasty = 'a\u001b[2Jb\nc\u202ed\u0007\u2028';
    expect(oneLine(nasty)).toBe('a\ufffd[2Jb\ufffdc\ufffdd\ufffd\ufffd');
    expect(table(['x'], [[nasty]], plain).split('\n')).toHaveLength(2);
    expect(oneLine('Tür £5 ☕ 茶')).toBe('Tür £5 ☕ 茶');
  });

  test('long texts are cut on the screen, and say so', () => {
    const [, row = ''] = table(['x'], [['y'.repeat(200)]], plain).split('\n');
    expect(row.trim()).toBe(`${'y'.repeat(71)}…`);
  });

  test('spans are told in the units that people think in', () => {
    const spans = [0, 999, 1_000, 4_249, 59_999, 60_000, 200_000, 3_600_000, 7_500_000, 90_000_000, -5].map(span);
    expect(spans).toEqual([
      '0 ms',
      '999 ms',
      '1.0 s',
      '4.2 s',
      '59 s',
      '1 min',
      '3 min 20 s',
      '1 h',
      '2 h 5 min',
      '1 d 1 h',
      '0 ms',
    ]);
    const now = new Date('2026-10-10T12:00:00.000Z');
    expect(when(new Date('2026-10-10T12:00:30.000Z'), now)).toBe('in 30 s');
    expect(when(new Date('2026-10-10T11:00:00.000Z'), now)).toBe('1 h ago');
    expect(instant(now)).toBe('2026-10-10 12:00:00');
  });
});
