import { expect, test } from 'vitest';
import { isCannotStart } from '../shared/postgres/embedded-fault.ts';
import { projectDataDir } from './data-folder.ts';
import { parseOptions } from './dev-options.ts';
import { judgeServer } from './given-server.ts';

test('the start command has defaults for everything, and PORT moves the API', () => {
  expect(parseOptions([], {})).toMatchObject({ apiPort: 3700, providerPort: 3701, databaseUrl: null, reset: false });
  expect(parseOptions([], { PORT: '4000' })).toMatchObject({ apiPort: 4000 });
  expect(parseOptions(['--port', '5000'], { PORT: '4000' })).toMatchObject({ apiPort: 5000 });
});

test.each([
  [['--prot', '1'], {}],
  [['--port', '70000'], {}],
  [['--port', '1e3'], {}],
  [['--port', '3701'], {}],
  [['--log-level', 'loud'], {}],
  [['--data', ''], {}],
  [[], { PORT: 'http' }],
  [['--reset'], { DATABASE_URL: 'postgres://h/d' }],
])('the start options %j with %j are refused', (argv, environment) => {
  expect(isCannotStart(parseOptions(argv, environment))).toBe(true);
});

test('a start without --data uses the folder of the project, wherever it is run from', () => {
  expect(parseOptions([], {})).toMatchObject({ dataDir: projectDataDir });
});

test('a given server is refused when it is too old, a standby, not in UTF8, or forgets what it commits', () => {
  const good = {
    major: 15,
    version: '15.4',
    encoding: 'UTF8',
    standby: false,
    role: 'r',
    may_create: true,
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'remote_apply',
  };
  const given = { url: 'postgres://user:hidden@host/name', createsTables: true, instead: '' };
  expect(judgeServer(good, given)).toBe('15.4');
  for (const synchronous_commit of ['on', 'local', 'remote_write']) {
    expect(judgeServer({ ...good, synchronous_commit }, given)).toBe('15.4');
  }
  for (const [change, word] of [
    [{ major: 14, version: '14.9' }, 'PostgreSQL 14.9; Onetill needs 15'],
    [{ standby: true }, 'standby'],
    [{ encoding: 'LATIN1' }, 'LATIN1'],
    [{ may_create: false }, 'may not create tables'],
    [{ fsync: 'off' }, 'fsync is off'],
    [{ full_page_writes: 'off' }, 'full_page_writes is off'],
    [{ synchronous_commit: 'off', fsync: 'off' }, 'fsync is off, synchronous_commit is off'],
  ] as const) {
    const judged = judgeServer({ ...good, ...change }, given);
    expect(isCannotStart(judged) && judged.message).toContain(word);
    expect(JSON.stringify(judged)).not.toContain('hidden');
  }
  expect(judgeServer({ ...good, may_create: false }, { ...given, createsTables: false })).toBe('15.4');
});
