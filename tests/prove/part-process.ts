import { pathToFileURL } from 'node:url';
import { present } from '../../src/shared/assert.ts';
import { toError } from '../../src/shared/failure.ts';
import type { PartReport, Scale } from './part.ts';
import type { PartEntry } from './parts.ts';

/** What the runner tells the process of a part, and is told by it. */
export type PartTask = {
  /** The file that lists the parts. */
  readonly partsFile: string;
  readonly name: string;
  readonly seed: number;
  readonly scale: Scale;
};
export type FromPart =
  | { readonly kind: 'progress'; readonly line: string }
  | { readonly kind: 'tries'; readonly tries: string }
  | { readonly kind: 'report'; readonly report: PartReport }
  | { readonly kind: 'failed'; readonly why: string };

// One part in a process of its own: what it leaves open or does to its process ends with it and touches no other part.
const task = JSON.parse(process.argv[2] ?? '') as PartTask;
// Without the runner there is nobody to report to.
process.once('disconnect', () => process.exit(1));
tell(await run()).then(() => process.exit(0));

async function run(): Promise<FromPart> {
  try {
    const { parts } = (await import(pathToFileURL(task.partsFile).href)) as { parts: readonly PartEntry[] };
    const entry = present(
      parts.find(({ name }) => name === task.name),
      `the part ${task.name}`,
    );
    const part = await entry.load();
    await tell({ kind: 'tries', tries: part.tries });
    const progress = (line: string): void => void tell({ kind: 'progress', line });
    return { kind: 'report', report: await part.run({ scale: task.scale, seed: task.seed, progress }) };
  } catch (thrown) {
    const error = toError(thrown);
    return { kind: 'failed', why: error.stack ?? error.message };
  }
}

function tell(words: FromPart): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) return resolve();
    process.send(words, () => resolve());
  });
}
