import type { Figures } from './figures.ts';
import type { Exchange } from './store/memory-pool.ts';
import type { Result, Store } from './store/store.ts';
import type { World } from './world.ts';

/** Counts what the statements show of how the world goes: what was lost and came back, what was in vain. */
export function watching(store: Store, figures: Figures): World['watch'] {
  return (exchange: Exchange, { rowCount, rows }: Result) => {
    figures.count('exchanges');
    switch (exchange.name) {
      case 'settle_messages':
        if (rowCount < (exchange.values[0] as readonly string[]).length)
          figures.count('fault lease:lost-before-settling');
        return;
      case 'take_messages':
        for (const row of rows) noteTaken(store, figures, row as { messageId: string; attempt: number });
        return;
      case 'bury_message':
        if (rowCount > 0) figures.count('dead letters');
        return;
      default:
    }
  };
}

function noteTaken(
  store: Store,
  figures: Figures,
  { messageId, attempt }: { messageId: string; attempt: number },
): void {
  figures.count('deliveries');
  if (attempt === 1) return;
  figures.count('redeliveries');
  const history = (store.find('messages', [messageId])?.history ?? []) as readonly { reason: string }[];
  if (history.at(-1)?.reason.startsWith('the lease expired') === true) figures.count('fault lease:expired');
}
