import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { onetill } from './captured.ts';

const runbooks = readdirSync('docs/runbooks').map((name) => `docs/runbooks/${name}`);
const pages = [
  ...runbooks,
  'docs/importing.md',
  'docs/buying.md',
  'README.md',
  'simulators/payment-provider/README.md',
];

describe('help', () => {
  test('the help names every command, examples, exit codes and what is done about personal data', async () => {
    const { exitCode, out } = await onetill(null, ['--help']);
    expect(exitCode).toBe(0);
    const commands = 'orders queues dead-letters inbox stock import replay events api worker sweeper migrate docs';
    for (const text of [...commands.split(' '), 'Examples:', 'Exit codes:', '4 refused', '--personal', '--json']) {
      expect(out).toContain(text);
    }
  });

  test('a process is not started by asking for its help', async () => {
    const { exitCode, out } = await onetill(null, ['worker', '--help']);
    expect(exitCode).toBe(0);
    expect(out).toContain('Usage: onetill worker');
  });

  test('the version is that of the package', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(await onetill(null, ['--version'])).toEqual({ exitCode: 0, out: `${version}\n`, err: '' });
  });

  test('no command, a wrong one and a half one are wrong usage, with a hint', async () => {
    expect(await onetill(null, [])).toMatchObject({ exitCode: 2 });
    expect(await onetill(null, ['orders'])).toMatchObject({ exitCode: 2 });
    expect((await onetill(null, ['orders', 'show'])).err).toContain("missing required argument 'id'");
  });

  test.each([
    [['api', '--port', '1'], "Unknown option '--port'"],
    [['worker', '--bogus'], "Unknown option '--bogus'"],
    [['worker', '--queues'], "Option '--queues <value>' argument missing"],
    [['worker', '--queues', 'lost'], 'There is no queue lost'],
    [['sweeper', 'now'], "Unexpected argument 'now'"],
    [['migrate', '--dry-run'], "Unknown option '--dry-run'"],
    [['docs', '--x'], "Unknown option '--x'"],
  ])('the process %j is not started, because of %s', async (argv, why) => {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const { exitCode } = await onetill(null, argv);
    const said = write.mock.calls.map(([text]) => String(text)).join('');
    write.mockRestore();
    expect(exitCode).toBe(2);
    expect(said).toContain(why);
    expect(said.trim().split('\n')).toHaveLength(1);
  });

  test('an option of the commands before the name of a process is wrong usage, not a process without it', async () => {
    const { exitCode, err } = await onetill(null, ['--json', 'worker']);
    expect(exitCode).toBe(2);
    expect(err).toContain('write onetill worker first');
  });

  test('a command on a page can be typed as it stands there', () => {
    expect(runbooks.length).toBeGreaterThan(2);
    for (const page of pages) {
      const bare = readFileSync(page, 'utf8').match(/(?<!npx )\bonetill [a-z].*/g) ?? [];
      expect([page, bare]).toEqual([page, []]);
    }
  });

  test('every command that a page names is there, with the options that it is given', async () => {
    const commands = pages.flatMap((page) => commandsOf(readFileSync(page, 'utf8')));
    expect(commands.length).toBeGreaterThan(20);
    for (const { words, options } of commands) {
      const { out } = await onetill(null, [...words, '--help']);
      expect(out).toContain(`Usage: onetill ${words.join(' ')} `);
      for (const option of options) expect([words, out]).toEqual([words, expect.stringContaining(` ${option} `)]);
    }
  });
});

/** The commands of a page, in blocks and in lines, with the names of their options. */
function commandsOf(page: string): { words: string[]; options: string[] }[] {
  return [...page.matchAll(/(?:^|`)npx onetill ([^`#\n]+)/gm)].map(([, text = '']) => {
    const tokens = text.trim().split(/\s+/);
    const end = tokens.findIndex((token) => !/^[a-z-]+$/.test(token) || token.startsWith('--'));
    return {
      words: end === -1 ? tokens : tokens.slice(0, end),
      options: tokens.filter((token) => token.startsWith('--')),
    };
  });
}
