import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { extractRelease, run } from './old-code.ts';
import { frozenReleases } from './releases.ts';

/*
 * Makes the frozen work of each release again: `npx tsx tests/upgrade/make-frozen.ts`. What is kept in the repository
 * was made by it, once; a release that is added to releases.ts gets its own.
 */

const here = fileURLToPath(new URL('.', import.meta.url));

for (const { release, commit } of frozenReleases) {
  const tree = await extractRelease(commit);
  if (tree === null) throw new Error(`this clone has no commit ${commit}`);
  try {
    await mkdir(join(tree, 'tests/upgrade'), { recursive: true });
    await copyFile(join(here, 'freeze.ts'), join(tree, 'tests/upgrade/freeze.db.test.ts'));
    await mkdir(join(here, release), { recursive: true });
    await run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', 'tests/upgrade/freeze.db.test.ts'], tree, {
      FREEZE_TO: join(here, release, 'frozen.json'),
    });
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}
