import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { styleText } from 'node:util';
import { Command, CommanderError } from 'commander';
import { addCallers } from './cli-callers.ts';
import { addFeeds } from './cli-feeds.ts';
import { addOrders } from './cli-orders.ts';
import { addQueues } from './cli-queues.ts';
import { type CliIo, exitCodes, explain, type Run, runCommand, showRefusal } from './cli-session.ts';
import { addStock } from './cli-stock.ts';
import { type Output, outputTo, say } from './output.ts';

/**
 * The command line: parses, runs one command, gives its exit code. What a command needs is loaded when it runs, so
 * that --help is quick.
 */
export async function run(argv: readonly string[], io?: CliIo): Promise<number> {
  const process = processes.find(({ name }) => name === argv[0]);
  const asksForHelp = argv.includes('--help') || argv.includes('-h');
  if (process !== undefined && !asksForHelp) return await process.run(argv.slice(1));
  if (io !== undefined) return await runCommands(argv, io);
  const own = ioOfProcess();
  const exitCode = await runCommands(argv, own.io);
  const fault = await own.output.settled();
  if (fault === null) return exitCode;
  own.io.err(`onetill: ${fault.message} ${fault.next}\n`);
  return exitCodes.fault;
}

/** What runs by itself: each reads its own environment and its own arguments. */
const processes: readonly {
  readonly name: string;
  readonly does: string;
  readonly options: readonly (readonly [flags: string, means: string])[];
  readonly run: (argv: readonly string[]) => Promise<number>;
}[] = [
  {
    name: 'api',
    does: 'runs the API',
    options: [],
    run: async (argv: readonly string[]) => (await import('./api.ts')).run(argv),
  },
  {
    name: 'worker',
    does: 'runs a worker',
    options: [['--queues <a,b>', 'takes messages from these queues only']],
    run: async (argv: readonly string[]) => (await import('./worker.ts')).run(argv),
  },
  {
    name: 'sweeper',
    does: 'runs a sweeper',
    options: [],
    run: async (argv: readonly string[]) => (await import('./sweeper.ts')).run(argv),
  },
  {
    name: 'migrate',
    does: 'brings the schema of the database to this version',
    options: [],
    run: async (argv: readonly string[]) => (await import('./migrate.ts')).run(argv),
  },
  {
    name: 'docs',
    does: 'writes the pages that are made from code',
    options: [],
    run: async (argv: readonly string[]) => (await import('./docs.ts')).run(argv),
  },
];

async function runCommands(argv: readonly string[], io: CliIo): Promise<number> {
  let exitCode: number = exitCodes.done;
  const program = new Command('onetill')
    .description('A checkout engine that commits first and carries every consequence to its end.')
    .version(versionOf(), '-V, --version', 'the version')
    .helpOption('-h, --help', 'this text; every command has its own')
    .helpCommand(false)
    .option('--json', 'a JSON document for programs instead of text for people')
    .option('--merchant <id>', 'whose data; not needed while there is only one merchant')
    .option('--data <dir>', 'the data folder of the running copy (default: .onetill here, else that of the project)')
    .option('--database-url <url>', 'the database, if it is not that of the running copy (default: $DATABASE_URL)')
    .configureOutput({ writeOut: io.out, writeErr: io.err })
    .showHelpAfterError('Add --help to see how it is used.')
    .exitOverride()
    .addHelpText('after', examples);
  const finish = (code: number): void => {
    exitCode = code;
  };
  const runOne: Run = async (command, work) => finish(await runCommand(io, command, work));
  const runAnywhere: Run = async (command, work) => finish(await runCommand(io, command, work, 'no merchant yet'));
  addCallers(program, runOne, runAnywhere);
  addOrders(program, runOne);
  addQueues(program, runOne);
  addStock(program, runOne);
  addFeeds(program, io, runOne, finish);
  for (const one of processes) describeProcess(program, one);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) return showRefusal(io, await explain(thrown), argv.includes('--json'));
    return thrown.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  }
}

/** Only for --help, and for those who put the options of commands before the name of a process. */
function describeProcess(program: Command, { name, does, options }: (typeof processes)[number]): void {
  const command = program.command(name).description(does);
  for (const [flags, means] of options) command.option(flags, means);
  command.addHelpText('after', '\nIts settings come from the environment: see docs/configuration.md.');
  command.action(() =>
    command.error(`error: write onetill ${name} first; its settings come from the environment (docs/configuration.md)`),
  );
}

const examples = `
Examples:
  $ onetill orders list --status on_hold
  $ onetill orders show ord_0199a1b2-…
  $ onetill queues
  $ onetill dead-letters replay msg_0199a1b2-… --by ada
  $ onetill stock set 85123A 120 --by ada --reason counted
  $ onetill events --follow

Exit codes: 0 done · 1 a fault · 2 wrong usage · 3 not found · 4 refused, because its state does not allow it
Names, e-mail addresses and streets of buyers are not shown unless a command takes --personal and is given it.
`;

function versionOf(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return String((JSON.parse(text) as { version?: unknown }).version);
}

function ioOfProcess(): { readonly io: CliIo; readonly output: Output } {
  const { stdout, stderr, env } = process;
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  // A reader such as `head` that has seen enough is no fault, and the work for it ends.
  const output = outputTo(stdout, stop);
  const isColoured = stdout.isTTY === true && (env.NO_COLOR ?? '') === '';
  const io: CliIo = {
    out: output.write,
    err: (text) => say(stderr, text),
    paint: (style, text) => (isColoured ? styleText(style, text, { validateStream: false }) : text),
    errIsTerminal: stderr.isTTY === true,
    environment: env,
    userName: userNameOf(),
    untilStopped() {
      process.once('SIGINT', stop).once('SIGTERM', stop);
      return stopping.signal;
    },
  };
  return { io, output };
}

function userNameOf(): string {
  try {
    return userInfo().username;
  } catch {
    // A user id without a name, as in a container.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
