import type { Told } from '../judges/answers.ts';
import type { RecordingClient } from '../judges/recording-client.ts';

/**
 * What one buyer goes through, and the people behind the shop. Written without a word on crashes: the same journey is
 * gone undisturbed, and with each process killed at each of its calls.
 */
export type Journey = {
  readonly name: string;
  /** In one sentence for somebody who has never heard of us. */
  readonly tells: string;
  /** How it may end. The first is its own end, which it has when nothing dies. */
  readonly ends: readonly [string, ...string[]];
  /** What the people behind the shop do when they are asked; left out: nobody is there. */
  readonly people?: People;
  /** After so many deliveries a message is dead; as in production when left out. */
  readonly attemptsMax?: number;
  /** Goes until the buyer has nothing left to do, and gives what the buyer was told last, and of which checkout. */
  go(till: Till): Promise<{ readonly checkoutId: string; readonly told: Told }>;
};

/** The shop as a journey sees it. */
export type Till = {
  /**
   * A buyer who wants an answer: a call whose outcome is unknown is made again under the same key until there is one.
   */
  readonly buyer: Buyer;
  /** Another one, with other keys and another address. */
  anotherBuyer(): Buyer;
  /** Puts a product on sale that no other journey touches. */
  product(product?: { readonly units?: number; readonly priceMinor?: number }): Promise<string>;
  /** The payment of the checkout's order is as named, or the order has ended: whichever comes first. */
  untilPayment(checkoutId: string, status: string): Promise<void>;
  /** The provider's books hold an authorisation of the checkout's order, or so much time has passed. */
  untilAuthorised(checkoutId: string, withinMs: number): Promise<void>;
  /** The order of the checkout has ended. */
  untilEnded(checkoutId: string): Promise<void>;
  /** The order's time is up now: what else would take minutes. */
  passDeadline(checkoutId: string): Promise<void>;
};

export type Buyer = {
  create(lines: Readonly<Record<string, number>>): Promise<Told>;
  update(checkout: Told, lines: Readonly<Record<string, number>>): Promise<Told>;
  complete(checkout: Told, token: string, waitSeconds?: number): Promise<Told>;
  cancel(checkout: Told): Promise<Told>;
  read(checkout: Told): Promise<Told>;
  /** Without persistence. */
  readonly once: RecordingClient;
};

export type People = {
  readonly heldOrders?: 'accept' | 'refuse';
  readonly deadLetters?: 'replay' | 'replay when the order has ended';
};

/** The checkout that an answer showed. */
export function shownIn({ checkout, outcome }: Told): NonNullable<Told['checkout']> {
  if (checkout === null) throw new Error(`no checkout was shown: ${JSON.stringify(outcome)}`);
  return checkout;
}
