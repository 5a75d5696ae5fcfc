#!/usr/bin/env node
// Types, lint, tests; stops at the first that fails. The last line is the count of tests, for programs.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare, projectRoot } from './prepare.mjs';

await prepare();
const reportFolder = mkdtempSync(join(tmpdir(), 'onetill-test-report-'));
const reportFile = join(reportFolder, 'report.json');
const steps = [
  { name: 'types', command: ['node_modules/typescript/bin/tsc', '--noEmit'] },
  { name: 'lint', command: ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'] },
  {
    name: 'tests',
    command: [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${reportFile}`,
      ...process.argv.slice(2),
    ],
  },
];

let failedStep;
for (const { name, command } of steps) {
  const startedAt = performance.now();
  process.stdout.write(`\n── ${name}\n`);
  const status = await runStep(command);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  process.stdout.write(`── ${name} ${status === 0 ? 'passed' : 'FAILED'} in ${seconds} s\n`);
  if (status !== 0) {
    failedStep = name;
    break;
  }
}

const { passed, failed, skipped, problem } = countTests();
rmSync(reportFolder, { recursive: true, force: true });
if (problem !== undefined) process.stdout.write(`\n${problem}\n`);
if (skipped > 0) process.stdout.write(`\n${skipped} skipped\n`);
// A step that failed without a test to blame is a failure too: the line must never read as a success.
const failures = failed === 0 && (failedStep !== undefined || problem !== undefined) ? 1 : failed;
process.stdout.write(`\n${passed} passed, ${failures} failed\n`);
process.exitCode = failures === 0 ? 0 : 1;

function runStep([script, ...args]) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(projectRoot, script), ...args], { cwd: projectRoot, stdio: 'inherit' });
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    // Ctrl-C reaches the child by itself; a signal sent to this process alone must too. Then the child ends, and we do.
    const forward = (signal) => child.kill(signal);
    for (const signal of signals) process.on(signal, forward);
    child.on('error', (error) => {
      process.stderr.write(`${error.message}\n`);
      resolve(1);
    });
    child.on('exit', (status) => {
      for (const signal of signals) process.off(signal, forward);
      resolve(status ?? 1);
    });
  });
}

/** What really ran, out of the report of the test runner. A file that does not even load counts as one failure. */
function countTests() {
  const none = { passed: 0, failed: 0, skipped: 0 };
  if (failedStep !== undefined && failedStep !== 'tests') return none;
  let report;
  try {
    report = JSON.parse(readFileSync(reportFile, 'utf8'));
  } catch {
    return { ...none, problem: 'The tests ended without a report.' };
  }
  const unloaded = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((one) => one.status === 'failed'),
  );
  const passed = report.numPassedTests;
  const failed = report.numFailedTests + unloaded.length;
  const skipped = report.numPendingTests + report.numTodoTests;
  return { passed, failed, skipped, ...(passed + failed === 0 ? { problem: 'No test was run.' } : {}) };
}
