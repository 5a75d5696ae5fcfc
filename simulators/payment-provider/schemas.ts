import { Type } from '@sinclair/typebox';
import { amountMinorMax } from './decide.ts';
import { faultedOperations, requestFaults, webhookFaults } from './fault-names.ts';

const text = (lengthMax: number) => Type.String({ minLength: 1, maxLength: lengthMax });
const amount = Type.Integer({ minimum: 1, maximum: amountMinorMax });
const currency = Type.String({ pattern: '^[A-Z]{3}$' });
const closed = { additionalProperties: false };

/** The wire of the provider's API. Unknown fields are refused, so that a misspelt one is seen. */
export const authoriseBody = Type.Object(
  { amount_minor: amount, currency, token: text(255), reference: text(255) },
  closed,
);
export const moneyBody = Type.Object({ amount_minor: amount, currency }, closed);
export const emptyBody = Type.Object({}, closed);
export const cancelBody = Type.Object({ key: text(255) }, closed);
export const findQuery = Type.Object({ key: text(255) }, closed);
export const idParams = Type.Object({ id: text(64) });

const literals = (names: readonly string[]) => Type.Union(names.map((name) => Type.Literal(name)));
export const faultBody = Type.Object(
  {
    operation: literals(faultedOperations),
    fault: literals([...requestFaults, ...webhookFaults]),
    match: Type.Optional(
      Type.Object(
        {
          token: Type.Optional(text(255)),
          reference: Type.Optional(text(255)),
          event_type: Type.Optional(text(64)),
        },
        closed,
      ),
    ),
    times: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
    parameters: Type.Optional(
      Type.Object(
        {
          ms: Type.Optional(Type.Integer({ minimum: 0, maximum: 600_000 })),
          retry_after_s: Type.Optional(Type.Integer({ minimum: 0, maximum: 3_600 })),
          code: Type.Optional(Type.String({ pattern: '^[a-z_]{1,64}$' })),
        },
        closed,
      ),
    ),
  },
  closed,
);
