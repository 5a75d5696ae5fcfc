import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cannotStart } from '../shared/postgres/embedded-fault.ts';
import { defaultDataDir, projectDataDir } from './data-folder.ts';
import { commandsFor, sameDatabase, startedWith } from './hints.ts';

const usual = { dataDir: projectDataDir, databaseUrl: null };

test('a printed command names the data folder when it is not that of the project', () => {
  expect(commandsFor(usual).overDatabase('orders list')).toBe('npx onetill orders list');
  const elsewhere = commandsFor({ ...usual, dataDir: "/data/o'clock" });
  expect(elsewhere.overDatabase('orders list')).toBe(`npx onetill orders list --data '/data/o'\\''clock'`);
  expect(elsewhere.overApi('replay')).toBe(`npx onetill replay --data '/data/o'\\''clock'`);
});

test('a printed command asks for DATABASE_URL where a password was given, and never shows it', () => {
  for (const databaseUrl of ['postgres://u:hidden@db/x', 'postgres://u@db/x?password=hidden']) {
    const commands = commandsFor({ dataDir: '/data', databaseUrl });
    expect(commands.overDatabase('orders list')).toBe('DATABASE_URL=… npx onetill orders list');
    // The API is found by the data folder alone.
    expect(commands.overApi('replay')).toBe('npx onetill replay --data /data');
  }
  const withoutPassword = commandsFor({ ...usual, databaseUrl: 'postgres://u@db/x?options=-c%20jit=off' });
  expect(withoutPassword.overDatabase('orders list')).toBe('npx onetill orders list');
});

test('a command that names the next one repeats where the database is', () => {
  expect(sameDatabase({})).toBe('');
  expect(sameDatabase({ data: 'my data' })).toBe(" --data 'my data'");
  expect(sameDatabase({ databaseUrl: 'postgres://u:hidden@db/x' })).toBe(' --database-url …');
});

test('advice to start again means the same data folder and database', () => {
  const fault = cannotStart('Broken.', 'Begin anew with: npm start -- --reset');
  expect(startedWith(usual, fault).next).toBe('Begin anew with: npm start -- --reset');
  expect(startedWith({ ...usual, dataDir: '/data' }, fault).next).toBe(
    'Begin anew with: npm start -- --data /data --reset',
  );
  const busy = cannotStart('Busy.', 'Run: npm start -- --port 1, or npm start -- --data DIR --port 1.');
  expect(startedWith({ dataDir: '/data', databaseUrl: 'postgres://u:hidden@db/x' }, busy).next).toBe(
    'Run: DATABASE_URL=… npm start -- --data /data --port 1, or npm start -- --data DIR --port 1.',
  );
});

test('a command finds the data folder beside it, else that of the project', () => {
  const folder = mkdtempSync(join(tmpdir(), 'onetill-hints-'));
  expect(defaultDataDir(folder)).toBe(projectDataDir);
  mkdirSync(join(folder, '.onetill'));
  expect(defaultDataDir(folder)).toBe(join(folder, '.onetill'));
  rmSync(folder, { recursive: true });
});
