import type { CannotStart } from '../shared/postgres/embedded-fault.ts';
import { watchAncestor } from './ancestor.ts';

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

/** Listens for everything that ends a run. The first reason counts; a second signal means at once. */
export function listenForShutdown(onFirst: (reason: EndReason) => void): Shutdown {
  const controller = new AbortController();
  let urgedNow = false;
  let resolveRequested: (reason: EndReason) => void;
  let resolveUrged: () => void;
  const requested = new Promise<EndReason>((resolve) => (resolveRequested = resolve));
  const urged = new Promise<void>((resolve) => (resolveUrged = resolve));

  function request(reason: EndReason): void {
    if (controller.signal.aborted) return;
    onFirst(reason);
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
  // The terminal may be gone before we are: what cannot be said is not a fault.
  const ignore = () => {};
  process.stdout.on('error', ignore);
  process.stderr.on('error', ignore);
  const unwatch = watchAncestor(() => request({ kind: 'asked', by: 'the end of npm' }));
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
