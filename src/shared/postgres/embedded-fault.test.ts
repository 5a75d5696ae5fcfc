import { expect, test } from 'vitest';
import { adviceOfStart, explainServerOutput, explainSystemError } from './embedded-fault.ts';

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

test('each error of the system is told in two sentences, with the advice of what was started', () => {
  const cases: [Record<string, unknown>, string, string][] = [
    [{ code: 'ENAMETOOLONG', path: `/data/${'x'.repeat(5_000)}` }, 'is too long', 'folder'],
    [{ code: 'EROFS', path: '/data' }, '/data is on a file system that is read-only', 'folder'],
    [{ code: 'ENOTDIR', path: '/data' }, '/data is no folder', 'folder'],
    [{ code: 'EADDRINUSE', port: 80 }, 'Port 80 is taken by another program, so the API cannot', 'port'],
    [{ code: 'EACCES', port: 80 }, 'may not listen on port 80', 'lowPort'],
    [{ code: 'EADDRNOTAVAIL', address: '8.8.8.8' }, '8.8.8.8 is no address of this machine', 'host'],
    [{ code: 'ENOTFOUND', hostname: 'nope.invalid' }, 'nope.invalid is not known', 'host'],
  ];
  const advice = { folder: 'FOLDER.', port: 'PORT.', lowPort: 'LOW.', host: 'HOST.' };
  for (const [fields, message, key] of cases) {
    const error = Object.assign(new Error('raw words of the system'), fields);
    const fault = explainSystemError(error, 'the API', advice);
    expect(fault?.message).toContain(message);
    expect(fault?.message.length).toBeLessThan(200);
    expect(fault?.next).toBe(advice[key as keyof typeof advice]);
    expect(explainSystemError(error, 'the API')?.next).toBe(adviceOfStart[key as keyof typeof advice]);
  }
});
