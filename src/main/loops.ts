import { toError } from '../shared/failure.ts';
import type { Logger } from '../shared/log.ts';
import { type CannotStart, cannotStart } from '../shared/postgres/embedded-fault.ts';

/**
 * The loops that make a process what it is. One that ends though nobody asked it to ends the process: half a worker
 * looks alive to everybody, and leaves its orders waiting.
 */
export type Loops = {
  /** From now on its end is a fault. Answers how to say that it is being stopped. */
  watch(name: string, ended: Promise<void>): () => void;
  /** The fault of the first one that ended; pending while all of them run. */
  readonly lost: Promise<CannotStart>;
  /** Those that have ended though nobody asked them to. For the readiness probe. */
  readonly ended: () => readonly string[];
};

export function createLoops(log: Logger): Loops {
  const ended: string[] = [];
  let resolveLost: (fault: CannotStart) => void;
  const lost = new Promise<CannotStart>((resolve) => (resolveLost = resolve));

  function lose(name: string, thrown: unknown): void {
    const error = thrown === undefined ? null : toError(thrown);
    ended.push(name);
    log.error('a loop ended though nobody stopped it', { task: name, ...(error === null ? {} : { error }) });
    const why = error === null ? '' : `: ${error.message.split('\n')[0]}`;
    resolveLost(
      cannotStart(
        `The ${name} ended though nobody stopped it${why}.`,
        'Everything is stopped in order, and nothing is lost. Look into the log, and start it again.',
      ),
    );
  }

  return {
    watch(name, promise) {
      let isStopping = false;
      promise.then(
        () => isStopping || lose(name, undefined),
        (thrown: unknown) => isStopping || lose(name, thrown),
      );
      return () => {
        isStopping = true;
      };
    },
    lost,
    ended: () => ended,
  };
}
