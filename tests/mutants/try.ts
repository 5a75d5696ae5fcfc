import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mutant } from './mutant.ts';

/** Names the mutant to the configuration of the tests (vitest.config.ts beside this file). */
export const mutantVariable = 'ONETILL_MUTANT';

/** What became of a mutant. `promises` are those of the judges that found a violation. */
export type Verdict =
  | {
      readonly verdict: 'caught';
      readonly afterMs: number;
      readonly promises: readonly number[];
      readonly says: string;
    }
  | { readonly verdict: 'survived' }
  | { readonly verdict: 'unclear'; readonly why: string };

const projectRoot = fileURLToPath(new URL('../..', import.meta.url));
/** A run that takes longer hangs: that is no finding. */
const runMsMax = 240_000;

/** Runs the test that is to catch the mutant, with the mutant in the code. */
export async function tryMutant(mutant: Mutant, postgresUrl: string): Promise<Verdict> {
  const { file, test } = mutant.caughtBy;
  const ran = await runTests([file], [test], postgresUrl, mutant.name);
  return 'failed' in ran ? { verdict: 'unclear', why: ran.failed } : verdictOf(ran.tests, mutant);
}

/** Runs the tests of all mutants without one. Gives what is wrong with them; empty when all of them pass. */
export async function tryWithout(chosen: readonly Mutant[], postgresUrl: string): Promise<string[]> {
  const files = [...new Set(chosen.map(({ caughtBy }) => caughtBy.file))];
  const names = [...new Set(chosen.map(({ caughtBy }) => caughtBy.test))];
  const ran = await runTests(files, names, postgresUrl, '');
  if ('failed' in ran) return [ran.failed];
  return names.flatMap((name) => {
    const found = ran.tests.filter((test) => test.fullName === name);
    if (found.length !== 1) return [`there are ${found.length} tests named "${name}"`];
    const status = found[0]?.status;
    return status === 'passed' ? [] : [`"${name}" ${status} without a mutant: ${saidBy(found[0])}`];
  });
}

/** A test as the reporter tells of it. */
export type TestResult = {
  readonly fullName: string;
  readonly status: string;
  readonly duration?: number | null;
  readonly failureMessages?: readonly string[];
};

/** Only the test that was named, and only what it says by itself, counts: no crash of the loader and no time-out. */
export function verdictOf(tests: readonly TestResult[], { caughtBy }: Mutant): Verdict {
  const named = tests.filter(({ fullName }) => fullName === caughtBy.test);
  const [test] = named;
  if (test === undefined || named.length !== 1) return { verdict: 'unclear', why: `${named.length} tests of the name` };
  if (test.status === 'passed') return { verdict: 'survived' };
  if (test.status !== 'failed') return { verdict: 'unclear', why: `its test is ${test.status}` };
  const says = saidBy(test);
  if (says === '' || notByItself.test(says)) return { verdict: 'unclear', why: says || 'it failed without a word' };
  const words = (test.failureMessages ?? []).join('\n');
  const promises = new Set([...words.matchAll(/\bpromise: (\d+)/g)].map(([, number]) => Number(number)));
  const missing = (caughtBy.judges ?? []).filter((promise) => !promises.has(promise));
  if (missing.length > 0) return { verdict: 'unclear', why: `no word of the judge of promise ${missing}: ${says}` };
  return {
    verdict: 'caught',
    afterMs: Math.round(test.duration ?? 0),
    promises: [...promises].sort((a, b) => a - b),
    says,
  };
}

const notByItself =
  /Test timed out|STACK_TRACE_ERROR|Hook timed out|SyntaxError|ReferenceError|Failed to load|Cannot find module/;

function saidBy(test: TestResult | undefined): string {
  const [first = ''] = test?.failureMessages ?? [];
  return (first.split('\n')[0] ?? '').slice(0, 200);
}

type Ran = { readonly tests: readonly TestResult[] } | { readonly failed: string };

async function runTests(
  files: readonly string[],
  names: readonly string[],
  postgresUrl: string,
  mutant: string,
): Promise<Ran> {
  const folder = await mkdtemp(join(tmpdir(), 'onetill-mutant-'));
  const report = join(folder, 'report.json');
  const pattern = `(${names.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})$`;
  const settings = ['--config', 'tests/mutants/vitest.config.ts', '--reporter=json', `--outputFile=${report}`];
  try {
    const said = await vitest(['run', ...files, '-t', pattern, ...settings], {
      TEST_DATABASE_URL: postgresUrl,
      [mutantVariable]: mutant,
    });
    const text = await readFile(report, 'utf8').catch(() => null);
    if (text === null) return { failed: `no report: ${said.slice(-500)}` };
    const results = (JSON.parse(text) as { testResults: { assertionResults: TestResult[] }[] }).testResults;
    return { tests: results.flatMap(({ assertionResults }) => assertionResults) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** In a process of its own, which knows nothing of the tests that may have started it. Gives what it said. */
function vitest(args: readonly string[], given: Record<string, string>): Promise<string> {
  const ours = Object.entries(process.env).filter(([name]) => !/^(VITEST|TEST$|NODE_ENV$|NODE_V8_COVERAGE)/.test(name));
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(projectRoot, 'node_modules/vitest/vitest.mjs'), ...args], {
      cwd: projectRoot,
      env: { ...Object.fromEntries(ours), ...given },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    const hear = (chunk: Buffer): void => {
      said = `${said}${chunk}`.slice(-10_000);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    const timer = setTimeout(() => child.kill('SIGKILL'), runMsMax);
    child.on('close', () => {
      clearTimeout(timer);
      resolve(said);
    });
  });
}
