import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import pg from 'pg';
import { type Dispatcher, Pool } from 'undici';
import { currentTraceparent } from '../../src/shared/trace-scope.ts';
import type { CallName, Traits } from './crash-point.ts';

/** Is told of every call that leaves the process. */
export type Watch = {
  /** Called before the call leaves. */
  begins(name: CallName, traits: Traits): Watched;
};
export type Watched = {
  /** Called when the call has left. Where half of it can leave, `half` sends that half. */
  left(half?: () => void): void;
  /** Called when its answer is here and before the caller sees it. `found`: the answer holds or changed anything. */
  ends(found: boolean): void;
};

/**
 * Watches the exits through which all I/O of our processes goes: the one PostgreSQL driver, the one client for calls
 * out, and of the simulator the journal of its books. The house rules keep others out of the code
 * (tests/tidy/rules-for-calls.ts), so that new I/O is watched from the day it is written, and nothing in the code knows
 * of it.
 */
export async function watchExits(watch: Watch): Promise<void> {
  watchDatabase(watch);
  watchCallsOut(watch);
  await watchJournal(watch);
}

type Query = (this: object, config: unknown, ...rest: unknown[]) => unknown;
type Result = { readonly rowCount: number | null; readonly rows: readonly object[] };

function watchDatabase(watch: Watch): void {
  const client = pg.Client.prototype as unknown as { query: Query };
  const { query } = client;
  const lastStatements = new WeakMap<object, string>();
  const transactions = new WeakMap<object, boolean>();
  client.query = function watched(config, ...rest) {
    const statement = nameOf(config);
    const last = lastStatements.get(this) ?? 'nothing';
    const isCommit = statement === 'commit';
    const isInTransaction = statement !== 'begin' && (transactions.get(this) ?? false);
    transactions.set(this, statement === 'begin' || (isInTransaction && !/^(commit|rollback)$/.test(statement)));
    const name = `${workInHand()}${isCommit ? `commit after ${last}` : statement}`;
    const call = watch.begins(name, { acts: isCommit, follows: isInTransaction });
    const ended = (result: Result | undefined): void => {
      for (const row of result?.rows ?? []) noteMessage(row);
      const found = (result?.rowCount ?? 0) > 0;
      // An idle process commits, too, having found nothing to do.
      lastStatements.set(this, found ? statement : `${statement} in vain`);
      call.ends(found);
    };
    // The pool calls back; a transaction of our client awaits.
    const callBack = rest.at(-1);
    if (typeof callBack === 'function') {
      const sent = query.call(this, config, ...rest.slice(0, -1), (error: unknown, result: Result | undefined) => {
        ended(result);
        callBack(error, result);
      });
      call.left();
      return sent;
    }
    const answer = query.call(this, config, ...rest) as Promise<Result>;
    call.left();
    return answer.then(
      (result) => {
        ended(result);
        return result;
      },
      (error: unknown) => {
        ended(undefined);
        throw error;
      },
    );
  };
}

/** The name of a prepared statement, or else its first words. */
function nameOf(config: unknown): string {
  const { name, text = '' } = (typeof config === 'string' ? { text: config } : config) as pg.QueryConfig;
  return name ?? text.trim().split(/\s+/).slice(0, 3).join(' ').replaceAll('"', '');
}

/**
 * What the running call belongs to: the type of the message in hand, and a colon; empty outside of any. A message
 * carries its trace into every call that its handling makes, so each delivery gets a span of its own on the way in, as
 * a tracer would give it one, and the span tells the type.
 */
function workInHand(): string {
  const type = typesOfSpans.get(currentTraceparent()?.split('-')[2] ?? '');
  return type === undefined ? '' : `${type}: `;
}

const typesOfSpans = new Map<string, string>();

function noteMessage(row: object): void {
  if (!('messageId' in row && 'leaseId' in row && 'traceparent' in row && 'type' in row)) return;
  const [, traceId = randomBytes(16).toString('hex')] = String(row.traceparent ?? '').split('-');
  const spanId = randomBytes(8).toString('hex');
  typesOfSpans.set(spanId, String(row.type));
  row.traceparent = `00-${traceId}-${spanId}-01`;
}

function watchCallsOut(watch: Watch): void {
  const { dispatch } = Pool.prototype;
  Pool.prototype.dispatch = function watched(options, handler) {
    const name = `${workInHand()}${options.method} ${patternOf(String(options.path))}`;
    const call = watch.begins(name, { acts: true, follows: false });
    return dispatch.call(this, options, telling(handler, call));
  };
}

/** The handler, of either generation that the package knows, with what becomes of its call told first. */
function telling(handler: Dispatcher.DispatchHandler, call: Watched): Dispatcher.DispatchHandler {
  return new Proxy(handler, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        // Said before the first byte is written, in the turn in which all of it is.
        if (name === 'onRequestStart' || name === 'onConnect') process.nextTick(() => call.left());
        if (name === 'onResponseEnd' || name === 'onComplete') call.ends(true);
        if (name === 'onResponseError' || name === 'onError') call.ends(false);
        return value.apply(target, args);
      };
    },
  });
}

/** The path without what differs from order to order. */
function patternOf(path: string): string {
  const [place = '', query] = path.split('?');
  const parts = place.split('/').map((part) => (/[0-9a-f]{8}-|^auth_/.test(part) ? ':id' : part));
  const names = query === undefined ? '' : `?${[...new URLSearchParams(query).keys()].join('&')}`;
  return `${parts.join('/')}${names}`;
}

/** The simulator writes nothing but its journal through file handles. */
async function watchJournal(watch: Watch): Promise<void> {
  const probe = await open('/dev/null');
  const handles = Object.getPrototypeOf(probe) as Pick<FileHandle, 'appendFile' | 'datasync'>;
  await probe.close();
  const { appendFile, datasync } = handles;
  handles.appendFile = async function watched(this: FileHandle, data, options) {
    const text = String(data);
    const call = watch.begins(`journal append ${kindsOf(text)}`, { acts: true, follows: false });
    // The kernel would take a line whole; what the disk has of it after a power cut is another matter.
    call.left(() => writeSync(this.fd, text.slice(0, Math.floor(text.length / 2))));
    await appendFile.call(this, data, options);
    call.ends(true);
  };
  handles.datasync = async function watched(this: FileHandle) {
    const call = watch.begins('journal datasync', { acts: false, follows: true });
    await datasync.call(this);
    call.ends(true);
  };
}

/** The kinds of entries that are written, in their order. */
function kindsOf(lines: string): string {
  const kinds = lines.split('\n').flatMap((line) => /"type":"(\w+)"/.exec(line)?.[1] ?? []);
  return kinds.join('+');
}
