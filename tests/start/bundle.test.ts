import { spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { projectRoot } from './started.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) {
    chmodSync(join(folder, 'node_modules'), 0o755);
    rmSync(folder, { recursive: true, force: true });
  }
});

/** A project of its own with our bundle.mjs, one entry, and the compiler. */
function project(): string {
  const folder = mkdtempSync(join(tmpdir(), 'onetill-bundle-'));
  folders.push(folder);
  for (const place of ['bin', 'src/main', 'simulators', 'node_modules']) {
    mkdirSync(join(folder, place), { recursive: true });
  }
  cpSync(join(projectRoot, 'bin/bundle.mjs'), join(folder, 'bin/bundle.mjs'));
  symlinkSync(join(projectRoot, 'node_modules/esbuild'), join(folder, 'node_modules/esbuild'));
  writeFileSync(join(folder, 'package-lock.json'), '{}');
  says(folder, 'first');
  return folder;
}

function says(folder: string, word: string): void {
  const text = `export const run = (): string => \`${word} from \${new URL('.', import.meta.url).pathname}\`;\n`;
  writeFileSync(join(folder, 'src/main/cli.ts'), text);
}

async function load(folder: string): Promise<string> {
  const script = `const { loadBundle } = await import('./bin/bundle.mjs');
    const loaded = await loadBundle(process.cwd(), 'src/main/cli.ts');
    console.log(loaded === null ? 'no bundle' : loaded.run());`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: folder });
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  child.stderr.on('data', (chunk) => (text += chunk));
  return new Promise((resolve) => child.on('close', () => resolve(text.trim())));
}

const cacheOf = (folder: string) => readdirSync(join(folder, 'node_modules/.cache/onetill')).sort();

test('a command runs from one file, which knows where its sources are, and is made once', async () => {
  const folder = project();
  const wanted = `first from ${join(folder, 'src/main')}/`;
  expect(await load(folder)).toBe(wanted);
  const made = cacheOf(folder);
  expect(made).toHaveLength(2);
  expect(await load(folder)).toBe(wanted);
  expect(cacheOf(folder)).toEqual(made);
});

test('a source that changed is run as it is now, and the file of before is removed', async () => {
  const folder = project();
  await load(folder);
  const [before] = cacheOf(folder);
  says(folder, 'second');
  expect(await load(folder)).toContain('second');
  expect(cacheOf(folder)).toHaveLength(2);
  expect(cacheOf(folder)).not.toContain(before);
});

test('commands that are begun at the same time all run, whoever makes the file', async () => {
  const folder = project();
  const all = await Promise.all([1, 2, 3, 4].map(() => load(folder)));
  expect(new Set(all)).toEqual(new Set([`first from ${join(folder, 'src/main')}/`]));
  expect(cacheOf(folder).filter((name) => name.endsWith('.cjs'))).toHaveLength(1);
});

test('where nothing can be written there is no bundle, and the sources are loaded instead', async () => {
  const folder = project();
  writeFileSync(join(folder, 'node_modules/.cache'), 'a file in the place of the folder');
  expect(await load(folder)).toBe('no bundle');
});
