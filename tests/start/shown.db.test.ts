import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { clearUp, freshFolder, launch, removeSeed, seededFolder, start, startReady } from './started.ts';

// Real processes on real disks: slow where other suites use the same cores.
vi.setConfig({ testTimeout: 90_000 });
afterEach(clearUp);
afterAll(removeSeed);

const hasCurl = spawnSync('curl', ['--version']).status === 0;

test.skipIf(!hasCurl)(
  'what a start shows works as it is pasted: it buys an order, and the next line lists it',
  async () => {
    const started = await startReady(await seededFolder());
    const shown = started.output();
    const curl = /^ {2}curl [\s\S]*?; echo$/m.exec(shown)?.[0] ?? '';
    // Older versions of curl have no --json.
    expect(curl).not.toContain('--json');
    const bought = launch(['sh', '-c', curl]);
    expect(await bought.ended).toBe(0);
    expect(bought.output()).toMatch(/"status":"completed".*}\n$/s);
    const list = /^ {2}(npx onetill orders list.*?) {2,}/m.exec(shown)?.[1] ?? '';
    const listed = launch(['sh', '-c', list]);
    expect(await listed.ended).toBe(0);
    expect(listed.output()).toMatch(/ord_[0-9a-f-]{36} {2}confirmed/);
  },
);

test.skipIf(!existsSync('/dev/full'))('an answer that cannot be written is a failure with one message', async () => {
  for (const line of ['node bin/onetill.mjs --help > /dev/full', 'node bin/start.mjs --help > /dev/full']) {
    const command = launch(['sh', '-c', line]);
    expect(await command.ended).toBe(1);
    expect(command.output()).toContain('The output could not be written whole: the disk is full.');
    expect(command.output().trim().split('\n').length).toBeLessThanOrEqual(2);
  }
  const unread = launch(['sh', '-c', 'node bin/onetill.mjs --help | head -1']);
  expect(await unread.ended).toBe(0);
  expect(unread.output().trim().split('\n')).toHaveLength(1);
});

test('a data folder that cannot be made is refused with one message, whatever stands in its way', async () => {
  const folder = dirname(await freshFolder());
  const file = join(folder, 'file');
  const dangling = join(folder, 'dangling');
  await writeFile(file, '');
  await symlink(join(folder, 'gone', 'far'), dangling);
  await mkdir(join(folder, 'busy'));
  await writeFile(join(folder, 'busy', 'precious.txt'), '');
  const cases: [string, string][] = [
    [file, 'is no folder'],
    [join(file, 'below'), 'is no folder'],
    [dangling, 'is no folder'],
    [join(folder, 'x'.repeat(300)), 'is too long'],
    [join(folder, ...Array.from({ length: 20 }, () => 'y'.repeat(100))), 'is too long'],
    [join(folder, 'busy'), "holds files that are not Onetill's"],
    // There a folder has no place at all, also for root.
    ...(process.platform === 'linux' ? ([['/proc/onetill/data', 'cannot be made']] as [string, string][]) : []),
  ];
  const refused = cases.map(([dataDir, message]) => ({ message, started: start(dataDir) }));
  for (const { message, started } of refused) {
    expect(await started.ended).toBe(1);
    expect(started.output()).toContain(message);
    expect(started.output()).toContain('--data DIR');
    expect(started.output().trim().split('\n')).toHaveLength(2);
  }
});
