import type { createInMemoryProvider } from '../../simulators/payment-provider/in-memory.run.ts';
import type { CheckoutDesk } from '../../src/checkout/desk.ts';
import type { PaymentProvider } from '../../src/payments/provider.ts';
import type { WebhookOptions } from '../../src/payments/webhooks.run.ts';
import type { NewId } from '../../src/shared/ids.ts';
import type { Logger } from '../../src/shared/log.ts';
import type { Database } from '../../src/shared/postgres/client.ts';
import type { History } from '../judges/history.ts';
import type { Chance } from './chance.ts';
import type { Figures } from './figures.ts';
import type { Plan } from './plan.ts';
import type { Exchange } from './store/memory-pool.ts';
import type { Result, Store } from './store/store.ts';
import type { Trace } from './trace.ts';
import type { VirtualTime } from './virtual-time.ts';

/** All that the parts of a simulated world share. */
export type World = {
  readonly plan: Plan;
  readonly time: VirtualTime;
  readonly chance: Chance;
  readonly store: Store;
  readonly newId: NewId;
  readonly trace: Trace;
  readonly figures: Figures;
  readonly history: History;
  readonly provider: ReturnType<typeof createInMemoryProvider>;
  /** All that are alive. */
  readonly processes: Set<Process>;
  readonly supervisor: Supervisor;
  hasFaults(): boolean;
  /** Whether the database is down. */
  isAway(): boolean;
  note(who: string, what: string): void;
  /** Counts a fault that struck. */
  hit(fault: string): void;
  /** Sees each exchange that the database served. */
  watch(exchange: Exchange, result: Result): void;
  /** An error that was met: one that no fault of the world can bring about breaks the run. */
  suspect(error: Error, where: string): void;
};

/**
 * A process of the project. All that it has to do with others goes through it, so that it can be stopped at each of
 * those points: killed, after which it never goes on, or frozen, after which it goes on where it was.
 */
export type Process = {
  readonly name: string;
  readonly database: Database;
  readonly provider: PaymentProvider;
  readonly log: Logger;
  readonly isDead: boolean;
  /** Resolves when it is killed: whoever waits for an answer sees the connection close. */
  readonly died: Promise<void>;
  /** Before something leaves the process, and after something has come back. */
  mayGoOn(side: 'before' | 'after'): Promise<void>;
  kill(): void;
  freeze(durationMs: number): void;
  /** All its connections to the database are lost at once. */
  cut(): void;
};

/** A process with its part of the project started in it. */
export type Running = { readonly process: Process; stop(): Promise<void> };
export type RunningApi = Running & { readonly desk: CheckoutDesk; readonly built: WebhookOptions };

/** Keeps the processes of a world running: kills and freezes them as planned, and starts others in their place. */
export type Supervisor = {
  /** The APIs that answer now. */
  apis(): readonly RunningApi[];
  /** Ends all, in good order or not; `startAll` starts them again. */
  stopAll(how: 'stop' | 'kill'): Promise<void>;
  startAll(): void;
};
