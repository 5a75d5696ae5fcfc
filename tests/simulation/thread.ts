import { setMaxListeners } from 'node:events';
import { parentPort } from 'node:worker_threads';
import { present } from '../../src/shared/assert.ts';
import { type Played, play } from './play.ts';

/** What a thread is asked, and what it answers: one world. */
export type Ask = { readonly seed: number };
export type Answer = Omit<Played, 'trace'>;

// A world has as many who wait for one signal as it has buyers: no leak.
setMaxListeners(0);

const port = present(parentPort, 'the thread that asks');
port.on('message', (ask: Ask) => {
  void play(ask.seed).then(({ trace: _, ...answer }) => port.postMessage(answer satisfies Answer));
});
