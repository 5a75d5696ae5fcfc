import { expect, test } from 'vitest';
import { newUuid } from '../../src/shared/ids.ts';
import { continueTrace, parseTraceparent, showTraceparent } from '../../src/shared/trace.ts';

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const span = '00f067aa0ba902b7';

test('a traceparent is read, of a later version its first four fields', () => {
  expect(parseTraceparent(`00-${trace}-${span}-01`)).toEqual({ traceId: trace, spanId: span, flags: '01' });
  expect(parseTraceparent(`cc-${trace}-${span}-00-what-the-future-will-be`)).toMatchObject({ traceId: trace });
});

test('a traceparent that the standard calls invalid is none', () => {
  const wrong = [
    '',
    `00-${trace}-${span}`,
    `00-${trace}-${span}-01-more`,
    `ff-${trace}-${span}-01`,
    `00-${'0'.repeat(32)}-${span}-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
    `00-${trace.toUpperCase()}-${span}-01`,
    `00-${trace}-${span}-1`,
    `cc-${trace}-${span}-01.more`,
    `cc-${trace}-${span}-01-${'x'.repeat(300)}`,
  ];
  for (const text of wrong) expect([text, parseTraceparent(text)]).toEqual([text, null]);
});

test('a trace goes on under a hop of our own, and a missing one begins', () => {
  const continued = continueTrace(`00-${trace}-${span}-01`, newUuid);
  expect(continued).toMatchObject({ traceId: trace, flags: '01' });
  expect(continued.spanId).not.toBe(span);
  const begun = continueTrace(undefined, newUuid);
  expect(parseTraceparent(showTraceparent(begun))).toEqual(begun);
});
