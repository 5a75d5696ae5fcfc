import { type Paint, table } from './screen.ts';

type Level = {
  readonly sku: string;
  readonly title: string;
  readonly receivedUnits: bigint;
  readonly soldUnits: bigint;
  readonly heldUnits: bigint;
  readonly freeUnits: bigint;
};

/** A stock level as --json prints it. What lies in the store (`on_hand_units`) is free and held together. */
export function levelDocument(level: Level) {
  return {
    sku: level.sku,
    title: level.title,
    free_units: level.freeUnits,
    held_units: level.heldUnits,
    on_hand_units: level.freeUnits + level.heldUnits,
    sold_units: level.soldUnits,
    received_units: level.receivedUnits,
  };
}

export function renderLevels(levels: readonly Level[], paint: Paint, isFirstPage = true): string {
  if (levels.length === 0) {
    return isFirstPage ? 'There is no stock yet. onetill import products FILE brings some.\n' : 'There is no more.\n';
  }
  const rows = levels.map((level) => [
    level.sku,
    level.title,
    level.freeUnits === 0n ? ({ text: '0', style: 'red' } as const) : level.freeUnits,
    level.heldUnits,
    level.freeUnits + level.heldUnits,
    level.soldUnits,
    level.receivedUnits,
  ]);
  return `${table(['sku', 'title', '>free', '>held', '>on hand', '>sold', '>received'], rows, paint)}\n`;
}
