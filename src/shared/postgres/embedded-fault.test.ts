import { expect, test } from 'vitest';
import { explainServerOutput, explainSystemError } from './embedded-fault.ts';

test('a full disk is named, whichever way it shows', () => {
  const outputs = [
    'FATAL: could not write: No space left on device',
    'HINT:  Check free disk space.\nPANIC:  cannot abort',
  ];
  for (const output of outputs) {
    expect(explainServerOutput(output, '/data', '/log').message).toContain('The disk is full: /data');
  }
  const error = Object.assign(new Error('write'), { code: 'ENOSPC', path: '/data/x' });
  expect(explainSystemError(error, '/data')?.message).toContain('The disk is full: /data/x');
});

test('what PostgreSQL said last of its fault is passed on, with where its log is', () => {
  const output = 'LOG:  starting\nFATAL:  the real reason\nLOG:  database system is shut down\n';
  const fault = explainServerOutput(output, '/data', '/data/log/start.log');
  expect(fault.message).toContain('the real reason');
  expect(fault.next).toContain('/data/log/start.log');
});

test('an error that only its stack explains is not explained away', () => {
  expect(explainSystemError(new TypeError('x is undefined'), '/data')).toBeNull();
});
