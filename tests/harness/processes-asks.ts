import type { PaymentProviderOptions } from '../../simulators/payment-provider/server.run.ts';

/** The kinds of processes that a shop consists of, with the payment provider that stands outside of it. */
export const processKinds = ['api', 'worker', 'sweeper', 'provider'] as const;
export type ProcessKind = (typeof processKinds)[number];

/** What a child is to be: a process of ours with its environment, or the simulator with its options. */
export type Part =
  | { readonly kind: Exclude<ProcessKind, 'provider'>; readonly env: Readonly<Record<string, string>> }
  | { readonly kind: 'provider'; readonly options: Omit<PaymentProviderOptions, 'log'> };

/** What goes from the parent to the child, and comes back under the same id. */
export type Asked = { readonly id: number; readonly name: string; readonly what: unknown };
export type Answered = { readonly id: number; readonly value?: unknown; readonly error?: string };

/** The descriptor on which a child says something that must not get lost in buffers when it dies. */
export const lastWordsDescriptor = 4;
