import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { projectRoot } from './started.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const fakeNpm = `import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
appendFileSync('npm-calls', process.argv.slice(2).join(' ') + '\\n');
rmSync('node_modules', { recursive: true, force: true });
mkdirSync('node_modules');
await new Promise((resolve) => setTimeout(resolve, 300));
writeFileSync('node_modules/installed', '');
`;

/** A project of its own with our prepare.mjs, and an npm that installs nothing but counts its calls. */
function project() {
  const folder = mkdtempSync(join(tmpdir(), 'onetill-prepare-'));
  folders.push(folder);
  mkdirSync(join(folder, 'bin'));
  cpSync(join(projectRoot, 'bin/prepare.mjs'), join(folder, 'bin/prepare.mjs'));
  writeFileSync(join(folder, 'npm.mjs'), fakeNpm);
  writeFileSync(join(folder, 'npm.js'), "import('./npm.mjs');\n");
  const lock = (version: string) =>
    writeFileSync(
      join(folder, 'package-lock.json'),
      JSON.stringify({ packages: { '': {}, 'node_modules/a': { version } } }),
    );
  lock('1.0.0');
  const calls = () => {
    const file = join(folder, 'npm-calls');
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').length : 0;
  };
  return { folder, lock, calls };
}

async function prepare(
  folder: string,
  nodeVersion = process.versions.node,
): Promise<{ code: number | null; text: string }> {
  const script = `Object.defineProperty(process.versions, 'node', { value: '${nodeVersion}' });
    const { prepare } = await import('./bin/prepare.mjs'); await prepare(); console.log('prepared');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: folder,
    env: { ...process.env, npm_execpath: join(folder, 'npm.js'), TMPDIR: folder },
  });
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  child.stderr.on('data', (chunk) => (text += chunk));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, text })));
}

test('dependencies are installed once, and again when the lock file changes', async () => {
  const { folder, lock, calls } = project();
  expect((await prepare(folder)).text).toContain('prepared');
  expect((await prepare(folder)).text).toBe('prepared\n');
  expect(calls()).toBe(1);
  lock('1.0.1');
  expect((await prepare(folder)).text).toContain('Installing');
  expect(calls()).toBe(2);
});

test('an install that was cut short is done again', async () => {
  const { folder, calls } = project();
  await prepare(folder);
  // What a killed npm leaves: a folder with something in it, without our stamp and without the list npm writes last.
  rmSync(join(folder, 'node_modules/.onetill-installed'));
  await prepare(folder);
  expect(calls()).toBe(2);
});

test('an install that was made by hand is taken as it is', async () => {
  const { folder, calls } = project();
  mkdirSync(join(folder, 'node_modules'));
  cpSync(join(folder, 'package-lock.json'), join(folder, 'node_modules/.package-lock.json'));
  expect((await prepare(folder)).text).toBe('prepared\n');
  expect(calls()).toBe(0);
});

test('of two commands at once one installs and the other waits', async () => {
  const { folder, calls } = project();
  const both = await Promise.all([prepare(folder), prepare(folder)]);
  expect(both.map(({ code }) => code)).toEqual([0, 0]);
  expect(calls()).toBe(1);
});

test('an old Node is refused with the version that is needed', async () => {
  const { folder, calls } = project();
  const { code, text } = await prepare(folder, '20.18.3');
  expect(code).toBe(1);
  expect(text).toContain('needs Node.js 20.19 or newer; this is 20.18.3');
  expect(calls()).toBe(0);
});
