import { Worker } from 'node:worker_threads';
import type { Answer, Ask } from './thread.ts';

export type Threads = {
  /** Plays the worlds of the seeds, each in whichever thread is free, and gives each as it ends, until it is enough. */
  playAll(seeds: Iterable<number>, onPlayed: (played: Answer) => 'more' | 'enough'): Promise<void>;
  stop(): Promise<void>;
};

/**
 * Young objects die in a world's time, not at once: with a small nursery a third of the time went into copying them.
 */
const resourceLimits = { maxYoungGenerationSizeMb: 128, maxOldGenerationSizeMb: 1_024 };

/**
 * Threads that play worlds, each with a clock and timers of its own. What a world does to the globals of its thread is
 * not seen from outside.
 */
export function startThreads(count: number): Threads {
  const workers = Array.from({ length: count }, () => {
    return new Worker(new URL('./thread.mjs', import.meta.url), { resourceLimits });
  });
  return {
    async playAll(seeds, onPlayed) {
      const waiting = seeds[Symbol.iterator]();
      let isEnough = false;
      await Promise.all(
        workers.map(async (worker) => {
          while (!isEnough) {
            const next = waiting.next();
            if (next.done === true) break;
            const played = await playIn(worker, next.value);
            if (onPlayed(played) === 'enough') isEnough = true;
          }
        }),
      );
    },
    async stop() {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

function playIn(worker: Worker, seed: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(new Error(`world ${seed} broke its thread: ${error.message}`));
    const end = (code: number): void => reject(new Error(`world ${seed} ended its thread with ${code}`));
    worker.once('error', fail);
    worker.once('exit', end);
    worker.once('message', (answer: Answer) => {
      worker.off('error', fail);
      worker.off('exit', end);
      resolve(answer);
    });
    worker.postMessage({ seed } satisfies Ask);
  });
}
