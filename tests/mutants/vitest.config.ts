import { defineConfig, type Plugin } from 'vitest/config';
import base from '../../vitest.config.ts';
import { type Mutant, plantedIn } from './mutant.ts';
import { mutants } from './mutants.ts';
import { mutantVariable } from './try.ts';

const root = process.cwd();
const name = process.env[mutantVariable] ?? '';
const chosen = mutants.find((mutant) => mutant.name === name);
if (chosen === undefined && name !== '') throw new Error(`there is no mutant "${name}"`);

/** Replaces the text while the file is loaded. Nothing is written, and no other configuration knows of it. */
function plant(mutant: Mutant): Plugin {
  return {
    name: 'plant-a-mutant',
    enforce: 'pre',
    transform: (code, id) => (id.split('?')[0] === `${root}/${mutant.file}` ? plantedIn(code, mutant) : null),
  };
}

/** The tests as they are, and one mutant in the code. Without a name: the control run. */
export default defineConfig({
  root,
  plugins: chosen === undefined ? [] : [plant(chosen)],
  // What judges say is read from the words of the failure, all of them.
  test: { ...base.test, chaiConfig: { truncateThreshold: 0 } },
});
