// Loading some 300 TypeScript files and the packages that they import takes more than a second. So a command is made
// into one file the first time that it runs, with the compiler that would load it anyway, and runs from that file and
// V8's code cache from then on: 0.2 s. Nothing is minified or left out, and a source that changes makes a new file.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';

/** What the commands are made of. */
const sources = ['src', 'simulators', 'bin'];

/**
 * Loads the entry's bundle, and makes it if the sources are not as they were. Null where it cannot be made or kept, as
 * on a read-only disk: then the sources themselves must be loaded.
 */
export async function loadBundle(projectRoot, entry) {
  const folder = join(projectRoot, 'node_modules', '.cache', 'onetill');
  const name = basename(entry, '.ts');
  const file = join(folder, `${name}-${stateOf(projectRoot)}.cjs`);
  const text = readIfThere(file) ?? (await makeAndRead(join(projectRoot, entry), folder, name, file));
  return text === null ? null : load(file, text);
}

async function makeAndRead(entry, folder, name, file) {
  try {
    mkdirSync(folder, { recursive: true });
    await make(entry, file);
    forgetOthers(folder, name, file);
  } catch {
    return null;
  }
  return readIfThere(file);
}

/** A fingerprint of the sources by their sizes and times, of the packages by their stamp, and of this Node. */
function stateOf(projectRoot) {
  const hash = createHash('sha256').update(process.version).update(process.arch);
  for (const place of sources) {
    for (const entry of readdirSync(join(projectRoot, place), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath ?? entry.path, entry.name);
      const { size, mtimeMs } = statSync(path);
      hash.update(`${path} ${size} ${mtimeMs}\n`);
    }
  }
  const { mtimeMs } = statSync(join(projectRoot, 'package-lock.json'));
  return hash.update(String(mtimeMs)).digest('hex').slice(0, 16);
}

async function make(entry, file) {
  const { build } = await import('esbuild');
  const aside = `${file}.${process.pid}`;
  const options = { bundle: true, platform: 'node', format: 'cjs', target: 'node20', logLevel: 'silent' };
  await build({ ...options, entryPoints: [entry], outfile: aside, plugins: [ownAddresses] });
  // Another command may be at the same: each writes a file of its own, and whichever comes last is as good.
  renameSync(aside, file);
}

/** A CommonJS file has no `import.meta.url`: each file of ours gets the address that it has in the tree. */
const ownAddresses = {
  name: 'own-addresses',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const address = JSON.stringify(pathToFileURL(path).href);
      return { loader: 'ts', contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', address) };
    });
  },
};

/** Bundles of sources that are no more. One that is running has been read already. */
function forgetOthers(folder, name, file) {
  for (const each of readdirSync(folder)) {
    if (each.startsWith(`${name}-`) && !each.startsWith(basename(file))) rmSync(join(folder, each), { force: true });
  }
}

function load(file, text) {
  const cacheFile = `${file}.${commandName()}.cache`;
  const cachedData = readIfThere(cacheFile);
  const script = new Script(`(function (require, module, exports) {${text}\n})`, {
    filename: file,
    ...(cachedData === null ? {} : { cachedData }),
  });
  // At its end a process has compiled what its command needs, and not only what loading needs.
  if (cachedData === null || script.cachedDataRejected) process.on('exit', () => keepCache(script, cacheFile));
  const made = { exports: {} };
  script.runInThisContext()(createRequire(file), made, made.exports);
  return made.exports;
}

/** Each command has a cache of its own: what `api` needs is not what `orders` needs. */
function commandName() {
  const [, , given = ''] = process.argv;
  return /^[a-z][a-z-]{0,30}$/.test(given) ? given : 'start';
}

function keepCache(script, cacheFile) {
  try {
    const aside = `${cacheFile}.${process.pid}`;
    writeFileSync(aside, script.createCachedData());
    renameSync(aside, cacheFile);
  } catch {
    // The next start compiles again.
  }
}

function readIfThere(file) {
  try {
    return readFileSync(file);
  } catch {
    return null;
  }
}
