import { grouped, newCard } from './plants.ts';

/** The body with a card in each of its fields in turn, in a field too many, and for the name of a field. */
export function* withCards(body: object): Generator<unknown> {
  for (let index = 0; ; index += 1) {
    const place = { left: index };
    const card = newCard();
    const form = [card, grouped(card, ' '), grouped(card, '-'), Number(card), `my card ${card} 12/30`][index % 5];
    const made = spoil(body, form, place);
    if (place.left >= 0) break;
    yield made;
  }
  yield { ...body, surplus: { deep: [newCard()] } };
  yield { ...body, [newCard()]: 1 };
}

/** The value with the planted one in place of its n-th leaf; null when there is no such leaf. */
function spoil(value: unknown, planted: unknown, place: { left: number }): unknown {
  if (typeof value !== 'object' || value === null) {
    place.left -= 1;
    return place.left === -1 ? planted : value;
  }
  if (Array.isArray(value)) return value.map((each) => spoil(each, planted, place));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, spoil(each, planted, place)]));
}
