import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { type CannotStart, cannotStart, isCannotStart } from '../shared/postgres/embedded-fault.ts';
import { takeLock } from '../shared/postgres/embedded-lock.ts';
import { checkServer, explainUnreachable } from './given-server.ts';
import { readRuntime } from './runtime.ts';

const advice = { instead: ', or start without DATABASE_URL: then an embedded server is used' } as const;

/**
 * Checks that the server of DATABASE_URL can be used, and takes the lock of our data folder on it, so that two copies
 * never share a folder. Answers how to let go of it, or the one fault that stands in the way.
 */
export async function useGivenDatabase(options: {
  readonly url: string;
  readonly dataDir: string;
  readonly onProgress: (line: string) => void;
}): Promise<{ version: string; release(): Promise<void> } | CannotStart> {
  const version = await checkServer({ url: options.url, createsTables: true, ...advice });
  if (isCannotStart(version)) return version;
  const digest = createHash('sha256').update(`${hostname()}:${options.dataDir}`).digest();
  const outcome = await takeLock({
    url: options.url,
    key: digest.readBigInt64BE(0),
    waitMs: 10_000,
    onWaiting: () => options.onProgress('Waiting for the start before this one to let go …'),
    onLost: () => {},
  });
  if (outcome.kind === 'held') return { version, release: outcome.lock.release };
  if (outcome.kind === 'unreachable') return explainUnreachable(outcome.error, options.url, advice.instead);
  const pid = outcome.holder.pid === null ? '' : ` (pid ${outcome.holder.pid})`;
  return cannotStart(
    `Onetill is running on ${options.dataDir} already${pid}.`,
    'Stop that one first, or run this one on other data and ports: ' +
      'npm start -- --data DIR --port 3800 --provider-port 3801.',
  );
}

/** Adds where the copy that is running can be found, to the message that it is. */
export async function withAddressOfOther(fault: CannotStart, dataDir: string): Promise<CannotStart> {
  const other = await readRuntime(dataDir);
  if (other === null || !fault.message.includes(`pid ${other.pid}`)) return fault;
  return { ...fault, message: `${fault.message.replace(/\.$/, '')}, and answers at ${other.apiUrl}.` };
}
