import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { toError } from '../shared/failure.ts';
import { type LogLevel, logLevels } from '../shared/log.ts';
import { type CannotStart, cannotStart } from '../shared/postgres/embedded-fault.ts';
import { firstSentence } from './arguments.ts';
import { projectDataDir } from './data-folder.ts';

export type DevOptions = {
  readonly dataDir: string;
  readonly reset: boolean;
  /** 0 lets the system choose. */
  readonly apiPort: number;
  readonly providerPort: number;
  readonly quiet: boolean;
  readonly logLevel: LogLevel;
  /** Null: the embedded PostgreSQL. */
  readonly databaseUrl: string | null;
};

export const usage = `npm start -- [options]     starts everything on this machine

  --data DIR             where the data lives (default: .onetill of the project)
  --reset                begin anew: removes that data first
  --port N               of the API (default: 3700, or $PORT)
  --provider-port N      of the simulated payment provider (default: 3701)
  --quiet                print nothing but faults
  --log-level LEVEL      ${logLevels.join(', ')} (default: info); the log is a file in the data folder
  --help                 this text

  DATABASE_URL           use this PostgreSQL (15 or newer) instead of the embedded one
`;

/** The options of the start command, parsed once, or the fault to tell. */
export function parseOptions(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): DevOptions | 'help' | CannotStart {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(argv);
  } catch (error) {
    return misused(`${firstSentence(toError(error).message)}.`);
  }
  if (values.help === true) return 'help';
  const apiPort = parsePort('--port', values.port ?? nonEmpty(environment.PORT) ?? '3700');
  if (typeof apiPort !== 'number') return apiPort;
  const providerPort = parsePort('--provider-port', values['provider-port'] ?? '3701');
  if (typeof providerPort !== 'number') return providerPort;
  if (apiPort === providerPort && apiPort !== 0) return misused(`--port and --provider-port are both ${apiPort}.`);
  const logLevel = logLevels.find((level) => level === (values['log-level'] ?? 'info'));
  if (logLevel === undefined) return misused(`--log-level is one of ${logLevels.join(', ')}.`);
  if (values.data === '') return misused('--data names a folder.');
  const databaseUrl = nonEmpty(environment.DATABASE_URL) ?? null;
  const reset = values.reset ?? false;
  if (reset && databaseUrl !== null) {
    return cannotStart(
      '--reset removes the embedded database only, and DATABASE_URL names another one.',
      'Empty that database yourself, or start without DATABASE_URL.',
    );
  }
  const dataDir = values.data === undefined ? projectDataDir : resolve(values.data);
  return { dataDir, reset, apiPort, providerPort, quiet: values.quiet ?? false, logLevel, databaseUrl };
}

function parse(argv: readonly string[]) {
  return parseArgs({
    args: [...argv],
    options: {
      data: { type: 'string' },
      reset: { type: 'boolean' },
      port: { type: 'string' },
      'provider-port': { type: 'string' },
      quiet: { type: 'boolean' },
      'log-level': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  }).values;
}

function parsePort(option: string, text: string): number | CannotStart {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  return port >= 0 && port <= 65535 ? port : misused(`${option} is a number from 0 to 65535, not '${text}'.`);
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text.trim();
}

function misused(message: string): CannotStart {
  return cannotStart(message, 'See npm start -- --help.');
}
