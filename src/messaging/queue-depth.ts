/** How a queue stands. Counts are of messages. */
export type QueueDepth = {
  readonly queue: string;
  /** Due, and free to be taken. */
  readonly ready: number;
  /** With a worker whose lease holds. */
  readonly leased: number;
  /** Waiting for their time: delayed, or failed and put off. */
  readonly delayed: number;
  /** Tried at least once, and not done. */
  readonly failing: number;
  /**
   * How long the oldest message that nobody has taken yet is due. Retries do not count: this is how far the workers are
   * behind, whatever is failing.
   */
  readonly oldestFirstAttemptAgeSeconds: number;
  /** Since the oldest message was first enqueued, however often it was tried. */
  readonly oldestMessageAgeSeconds: number;
};
