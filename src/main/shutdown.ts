import { never } from '../shared/assert.ts';
import { toError } from '../shared/failure.ts';
import type { Logger } from '../shared/log.ts';
import type { CannotStart } from '../shared/postgres/embedded-fault.ts';
import { watchAncestor } from './ancestor.ts';
import { say } from './output.ts';

/** Why a run ends: it was asked to, it met a fault that it can explain, or one that it cannot. */
export type EndReason =
  | { readonly kind: 'asked'; readonly by: string }
  | { readonly kind: 'fault'; readonly fault: CannotStart }
  | { readonly kind: 'unexpected'; readonly error: unknown };

export type Shutdown = {
  /** Aborts on the first reason to stop. */
  readonly signal: AbortSignal;
  readonly requested: Promise<EndReason>;
  /** Resolves on the second Ctrl-C: no more waiting. */
  readonly urged: Promise<void>;
  readonly isUrged: () => boolean;
  request(reason: EndReason): void;
  /** Gives the signals back. */
  release(): void;
};

/**
 * Listens for everything that ends a run: signals, what nobody caught, and the end of the npm that started it where
 * that is wanted. The first reason counts; a second signal means at once.
 */
export function listenForShutdown(options: {
  readonly onFirst?: (reason: EndReason) => void;
  readonly endWithNpm: boolean;
}): Shutdown {
  const controller = new AbortController();
  let urgedNow = false;
  let resolveRequested: (reason: EndReason) => void;
  let resolveUrged: () => void;
  const requested = new Promise<EndReason>((resolve) => (resolveRequested = resolve));
  const urged = new Promise<void>((resolve) => (resolveUrged = resolve));

  function request(reason: EndReason): void {
    if (controller.signal.aborted) return;
    options.onFirst?.(reason);
    resolveRequested(reason);
    controller.abort();
  }
  let firstSignalAtMs = 0;
  const onSignal = (name: NodeJS.Signals) => {
    if (!controller.signal.aborted) {
      firstSignalAtMs = Date.now();
      return request({ kind: 'asked', by: name });
    }
    // npm passes a Ctrl-C on that the terminal has sent us already: that is one wish, not two.
    const echoMs = 400;
    if (Date.now() - firstSignalAtMs < echoMs) return;
    urgedNow = true;
    resolveUrged();
  };
  const onUnexpected = (error: unknown) => request({ kind: 'unexpected', error });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, onSignal);
  process.on('uncaughtException', onUnexpected);
  process.on('unhandledRejection', onUnexpected);
  const unwatch = options.endWithNpm ? watchAncestor(() => request({ kind: 'asked', by: 'the end of npm' })) : () => {};
  return {
    signal: controller.signal,
    requested,
    urged,
    isUrged: () => urgedNow,
    request,
    release: () => {
      unwatch();
      for (const name of signals) process.off(name, onSignal);
    },
  };
}

/**
 * Tells why the run ends, in the log and to the person in front of it, and answers the exit code: being asked to stop
 * is no failure. Never throws, so that what follows, the stopping, is always done.
 */
export function report(
  end: EndReason,
  to: {
    /** As the message about what nobody foresaw begins. */
    readonly who: string;
    readonly log: Logger | undefined;
    readonly logPlace: string;
    readonly tell: (fault: CannotStart) => void;
  },
): number {
  switch (end.kind) {
    case 'asked':
      to.log?.info('stopping', { reason: end.by });
      return 0;
    case 'fault':
      to.log?.error('cannot go on', { reason: end.fault.message });
      to.tell(end.fault);
      return 1;
    case 'unexpected': {
      const error = toError(end.error);
      to.log?.error('an unexpected fault', { error });
      const where = to.log === undefined ? '' : ` Its stack is in ${to.logPlace}.`;
      say(process.stderr, `\n${to.who}: ${error.message.split('\n')[0]?.replace(/\.$/, '')}.${where}\n`);
      return 1;
    }
    default:
      return never(end, 'the reason of an end');
  }
}
