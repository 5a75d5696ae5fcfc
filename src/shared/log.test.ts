import { execFileSync } from 'node:child_process';
import { closeSync, constants, existsSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { lineSink } from './log/sink.run.ts';
import { createLogger } from './log.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'onetill-log-'));
  folders.push(folder);
  return folder;
}

type Line = { level: string; process: string; msg: string; count?: number };
const linesIn = (text: string): Line[] => text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));

describe('a log that cannot be written', () => {
  test.skipIf(!existsSync('/dev/full'))('a full disk makes no line throw', () => {
    const full = openSync('/dev/full', 'w');
    const log = createLogger({ process: 'tests', level: 'debug', fileDescriptor: full });
    expect(() => log.error('the disk is full', { error: new Error('ENOSPC') })).not.toThrow();
    closeSync(full);
    // Closed: another way of not being writable.
    expect(() => log.info('nobody is there')).not.toThrow();
  });

  test.skipIf(process.platform === 'win32')('lines that a full pipe did not take are counted in one line', () => {
    const path = join(freshFolder(), 'pipe');
    execFileSync('mkfifo', [path]);
    const pipe = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    const log = createLogger({ process: 'tests', level: 'info', fileDescriptor: pipe });
    const sent = 400;
    for (let count = 0; count < sent; count += 1) log.info(`${'x'.repeat(1_000)} ${count}`, { count });
    const before = drain(pipe);
    log.info('it works again');
    log.info('and goes on');
    const text = before + drain(pipe);
    closeSync(pipe);
    const notices = text.split('\n').filter((line) => line.includes('dropped'));
    expect(notices).toHaveLength(1);
    const whole = text.split('\n').filter((line) => /x{1000} \d+"}$/.test(line)).length;
    expect(whole).toBeGreaterThan(0);
    expect(linesIn(notices[0] ?? '')).toMatchObject([{ level: 'warn', process: 'tests', count: sent - whole }]);
    expect(
      text
        .trimEnd()
        .split('\n')
        .slice(-2)
        .map((line) => JSON.parse(line).msg),
    ).toEqual(['it works again', 'and goes on']);
  });

  test('a line that was torn half-way does not spoil the next one', () => {
    let room = 10;
    let text = '';
    const sink = lineSink(
      {
        write(bytes) {
          const took = Math.min(room, bytes.length);
          if (took === 0) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
          room -= took;
          text += Buffer.from(bytes.subarray(0, took)).toString();
          return took;
        },
      },
      (dropped) => `${dropped} dropped\n`,
    );
    sink('a line that is longer than the room\n');
    sink('another\n');
    room = 1_000;
    sink('whole\n');
    expect(text).toBe('a line tha\n2 dropped\nwhole\n');
  });
});

describe('a log that grows', () => {
  test('a log is turned while it runs, keeps one old file, and loses no line of the two', () => {
    const path = join(freshFolder(), 'a.log');
    const bytesMax = 2_000;
    const log = createLogger({ process: 'tests', level: 'info', file: { path, bytesMax } });
    for (let count = 1; count <= 100; count += 1) log.info('a line', { count });
    const [old, now] = [readFileSync(`${path}.1`, 'utf8'), readFileSync(path, 'utf8')];
    for (const text of [old, now]) expect(text.length).toBeLessThanOrEqual(bytesMax);
    const counts = linesIn(old + now).map((line) => line.count);
    expect(counts).toEqual(Array.from(counts, (_, index) => 101 - counts.length + index));
    expect(counts.length).toBeGreaterThan(20);
  });

  test('where the next file cannot be begun, lines go on into the one that is there', () => {
    const path = join(freshFolder(), 'a.log');
    const log = createLogger({ process: 'tests', level: 'info', file: { path, bytesMax: 500 } });
    // A folder in the place of the old file: the rename fails.
    execFileSync('mkdir', ['-p', `${path}.1/inside`]);
    for (let count = 1; count <= 50; count += 1) log.info('a line', { count });
    expect(linesIn(readFileSync(path, 'utf8')).map((line) => line.count)).toEqual(
      Array.from({ length: 50 }, (_, index) => index + 1),
    );
  });
});

function drain(pipe: number): string {
  const chunk = Buffer.alloc(64 * 1024);
  let text = '';
  for (;;) {
    try {
      text += chunk.subarray(0, readSync(pipe, chunk)).toString();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return text;
      throw error;
    }
  }
}
