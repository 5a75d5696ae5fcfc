import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Paint } from '../operations/screen.ts';
import { isRefused, type Refused, RefusedError, refuse, toError } from '../shared/failure.ts';
import type { NewId } from '../shared/ids.ts';
import type { Database } from '../shared/postgres/client.ts';
import type { RefusalCode } from '../shared/refusals.ts';
import { defaultDataDir } from './data-folder.ts';
import { isDatabaseUrl } from './database-url.ts';

/** What the command line has of the outside; handed in so that tests can look at it. */
export type CliIo = {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly paint: Paint;
  /** Whether a line may be drawn over again on `err`. */
  readonly errIsTerminal: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Of the operating system: who did it, unless --by says otherwise. */
  readonly userName: string;
  /** For commands that end their work when they are asked to: aborts on the first Ctrl-C. Others just end. */
  readonly untilStopped: () => AbortSignal;
};

/** Documented in --help. */
export const exitCodes = { done: 0, fault: 1, usage: 2, notFound: 3, refused: 4 } as const;

/** Options that every command takes. */
export type GlobalOptions = {
  readonly json?: boolean;
  readonly merchant?: string;
  readonly data?: string;
  readonly databaseUrl?: string;
};

/** What a command works with. */
export type Session = {
  readonly database: Database;
  readonly merchantId: string;
  readonly newId: NewId;
  readonly io: CliIo;
};

/** What a command answers: a document for programs, and the same as text for people. The exit code is 0 by default. */
export type Shown = {
  readonly document: unknown;
  readonly text: (paint: Paint) => string;
  readonly exitCode?: number;
};

/** A command that wrote its output itself answers with its exit code. */
export type Answer = Refused | Shown | { readonly exitCode: number };

/** Runs a command's work in a session and keeps its exit code. */
export type Run = (command: Command, work: (session: Session) => Promise<Answer>) => Promise<void>;

/** Runs one command against the database and shows its answer. Returns the exit code; throws nothing. */
export async function runCommand(
  io: CliIo,
  command: Command,
  work: (session: Session) => Promise<Answer>,
  needs: 'a merchant' | 'no merchant yet' = 'a merchant',
): Promise<number> {
  const options = command.optsWithGlobals<GlobalOptions>();
  const url = await findDatabase(io, options);
  if (isRefused(url)) return showRefusal(io, url, options.json === true);
  const [{ connect }, { chooseMerchant }, { newUuid }] = await Promise.all([
    import('../shared/postgres/client.ts'),
    import('../operations/merchants.run.ts'),
    import('../shared/ids.ts'),
  ]);
  const database = connect({ url, applicationName: 'onetill command', connectionsMax: 2 });
  const inSession = async (): Promise<Answer> => {
    if (needs === 'no merchant yet') return await work({ database, merchantId: '', newId: newUuid, io });
    const merchantId = await chooseMerchant(database, options.merchant ?? null);
    return isRefused(merchantId) ? merchantId : await work({ database, merchantId, newId: newUuid, io });
  };
  try {
    return await showAnswer(io, inSession, options.json === true);
  } finally {
    await database.close();
  }
}

/** Shows what the work answers, or why it could not be done. */
export async function showAnswer(io: CliIo, work: () => Promise<Answer>, asJson: boolean): Promise<number> {
  try {
    const answer = await work();
    if (isRefused(answer)) return showRefusal(io, answer, asJson);
    if ('document' in answer) io.out(asJson ? toJson(answer.document) : answer.text(io.paint));
    return answer.exitCode ?? exitCodes.done;
  } catch (thrown) {
    return showRefusal(io, await explain(thrown), asJson);
  }
}

/** Amounts and counts fit a JSON number exactly: the schema limits them. */
function toJson(document: unknown): string {
  const plain = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);
  return `${JSON.stringify(document, plain, 2)}\n`;
}

/** Says on standard error why nothing was done. */
export function showRefusal(io: CliIo, refusal: Refused, asJson: boolean): number {
  const { code, message, path, details } = refusal;
  io.err(asJson ? toJson({ error: { code, message, path, details } }) : `${io.paint('red', 'onetill:')} ${message}\n`);
  return exitCodeOf(code);
}

const codesOfUsage: readonly RefusalCode[] = [
  'input_invalid',
  'id_malformed',
  'currency_unsupported',
  'api_key_missing',
  'api_key_unknown',
  'card_number_refused',
];
const codesOfFault: readonly RefusalCode[] = ['unavailable', 'internal', 'overloaded'];

function exitCodeOf(code: RefusalCode): number {
  if (code === 'not_found') return exitCodes.notFound;
  if (codesOfUsage.includes(code)) return exitCodes.usage;
  return codesOfFault.includes(code) ? exitCodes.fault : exitCodes.refused;
}

/** The database that was named, else that of the running copy. */
async function findDatabase(io: CliIo, options: GlobalOptions): Promise<Refused | string> {
  const named = options.databaseUrl ?? (options.data === undefined ? nonEmpty(io.environment.DATABASE_URL) : undefined);
  if (named !== undefined) {
    if (isDatabaseUrl(named)) return named;
    return refuse('input_invalid', 'The database URL is not of the form postgres://user:password@host:5432/name.');
  }
  const runtime = await findRuntime(options, '--database-url URL');
  if (isRefused(runtime)) return runtime;
  const { databaseUrlOf } = await import('./runtime.ts');
  const url = await databaseUrlOf(runtime);
  if (url !== null) return url;
  return refuse(
    'unavailable',
    'What runs there uses a database of yours, and its password was not kept: name it with DATABASE_URL or ' +
      '--database-url.',
  );
}

/** What runs on the data folder, or where else to say it is: with --data, or with the option of the command. */
export async function findRuntime(
  options: GlobalOptions,
  orOption: string,
): Promise<Refused | import('./runtime.ts').Runtime> {
  const { readRuntime } = await import('./runtime.ts');
  const folder = options.data ?? defaultDataDir(process.cwd());
  const runtime = await readRuntime(resolve(folder));
  if (runtime !== null) return runtime;
  return refuse(
    'unavailable',
    `Nothing runs on ${folder}. Start it with npm start, or say where it is with --data DIR or ${orOption}.`,
  );
}

export function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text.trim();
}

/** What went wrong in one sentence and what to do about it; never a stack trace. */
export async function explain(thrown: unknown): Promise<Refused> {
  if (thrown instanceof RefusedError) return thrown.refusal;
  const { isConnectionError, sqlState } = await import('../shared/postgres/client.ts');
  const state = sqlState(thrown);
  const error = toError(thrown);
  const undefinedTable = '42P01';
  if (state === undefinedTable) {
    return refuse('unavailable', 'The database does not have our schema yet: run onetill migrate, or npm start.');
  }
  if (state !== null && /^(28|3D)/.test(state))
    return refuse('unavailable', `The database refuses us: ${error.message}.`);
  if (isConnectionError(thrown)) {
    const reason = error.message === '' ? String((thrown as { code?: unknown }).code) : error.message;
    return refuse('unavailable', `The database cannot be reached (${reason}). Is it running?`);
  }
  return refuse('internal', `A fault of ours: ${error.message}`);
}
