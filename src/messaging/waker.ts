/** Tells workers that a queue has something new. Only a hint: workers poll as well, so that losing it loses nothing. */
export type Waker = {
  /** After the commit, never inside it. Returns at once. */
  wake(queues: readonly string[]): void;
};

export const sleepingWaker: Waker = { wake() {} };
