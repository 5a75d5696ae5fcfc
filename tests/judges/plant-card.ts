import { newUuid } from '../../src/shared/ids.ts';
import type { RecordingClient } from './recording-client.ts';

/** A number of a test card, of which the check digit is right. The judge of promise 14 is to find it nowhere. */
export const plantedCard = '4000056655665556';

/**
 * A buyer who types a card number where it does not belong, so that the judge of promise 14 has something to look for.
 * A shop that takes it fails here at once.
 */
export async function plantCard(buyer: RecordingClient, sku: string): Promise<void> {
  const persistence = { triesMax: 10, pauseMs: 100 };
  for (const [lines, email] of [
    [{ [sku]: 1 }, `${plantedCard}@example.com`],
    [{ [plantedCard]: 1 }, 'buyer@example.com'],
  ] as const) {
    const { outcome } = await buyer.create({ lines, email }, { ...persistence, key: newUuid() });
    if (outcome.kind !== 'refused') throw new Error(`a card number was not refused: ${outcome.kind}`);
  }
}
