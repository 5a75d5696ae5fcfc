import type { ShippingOption } from '../checkout/quote.ts';

type Rate = { readonly id: string; readonly title: string; readonly description: string; readonly priceMinor: bigint };

/** Parcel rates in the merchant's currency. Flat until the pricing room has rate tables per merchant. */
const domestic: readonly Rate[] = [
  { id: 'standard', title: 'Standard', description: 'Arrives in 2 to 4 working days', priceMinor: 395n },
  { id: 'express', title: 'Express', description: 'Arrives the next working day', priceMinor: 795n },
];
const abroad: readonly Rate[] = [
  { id: 'standard', title: 'International standard', description: 'Arrives in 5 to 10 working days', priceMinor: 995n },
  { id: 'express', title: 'International express', description: 'Arrives in 2 to 4 working days', priceMinor: 2495n },
];
/** From this subtotal on, standard shipping at home is free. */
const freeFromMinor = 7_500n;

/** The shipping options of a destination, cheapest first. */
export function shippingOptions(homeCountry: string) {
  return (country: string, subtotalMinor: bigint): readonly ShippingOption[] => {
    if (country !== homeCountry) return abroad;
    return domestic.map((rate) =>
      rate.id === 'standard' && subtotalMinor >= freeFromMinor
        ? { ...rate, title: 'Standard, free', priceMinor: 0n }
        : rate,
    );
  };
}
