import { type SetOnHand, type StockLevel, setOnHand } from '../inventory/stock.sql.ts';
import { isRefused, type Refused } from '../shared/failure.ts';
import { writeAudit } from './audit.sql.ts';
import type { Deed } from './deed.ts';

/** Sets what is on hand after a count. The count is on record even where it found what was expected. */
export async function recordCount(
  deed: Deed,
  count: Pick<SetOnHand, 'sku' | 'onHandUnits' | 'reason'>,
): Promise<Refused | StockLevel> {
  const { merchantId, newId, by: actor } = deed;
  return await deed.database.transaction(async (tx) => {
    const level = await setOnHand(tx, { ...count, merchantId, newId, actor });
    if (isRefused(level)) return level;
    const detail = `${count.sku}: ${count.onHandUnits} on hand, ${count.reason}`;
    await writeAudit(tx, { entryId: newId(), merchantId, orderId: null, actor, action: 'stock set', detail });
    return level;
  });
}
