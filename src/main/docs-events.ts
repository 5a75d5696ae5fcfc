import type { TSchema } from '@sinclair/typebox';
import { domainEvents, type StoredEvent, toCloudEvent } from '../messaging/events.ts';
import { Bug } from '../shared/assert.ts';
import { head, table } from './docs-page.ts';

const names = Object.keys(domainEvents) as (keyof typeof domainEvents)[];

/** docs/events/*.json: for each event the JSON schema of the whole CloudEvent, with an example. */
export function eventSchemas(): [path: string, text: string][] {
  return names.map((name) => {
    const { version } = domainEvents[name];
    return [`docs/events/${name}.v${version}.json`, `${JSON.stringify(schemaOf(name), null, 2)}\n`];
  });
}

/** docs/events.md: what is told to the outside, and how. */
export function eventsPage(): string {
  const introduction = [
    'Domain events are [CloudEvents 1.0](https://cloudevents.io) in JSON. They carry ids and amounts, never',
    'personal data. Each is written in the transaction of the change that it tells of, delivered at least once,',
    'and numbered: `sequence` counts 1, 2, 3, … within one order, without a gap. Recognise a repetition by',
    '`source` and `id`.',
    '',
    'Within a version, fields are only ever added. A change of meaning is a new version, and both are sent while',
    'anyone reads the old one.',
  ].join('\n');
  const rows = names.map((name) => {
    const { version, describes, data } = domainEvents[name];
    const file = `${name}.v${version}.json`;
    const fields = Object.keys(data.properties).map((field) => `\`${field}\``);
    return [`[\`dev.onetill.${name}\`](events/${file})`, version, describes, fields.join(', ')];
  });
  return [
    head('Domain events', '`src/messaging/events.ts`', introduction),
    table(['type', 'version', 'says', 'data'], rows),
    '\n## An example\n',
    '```json',
    JSON.stringify(exampleOf('OrderPlaced'), null, 2),
    '```',
    '',
  ].join('\n');
}

function schemaOf(name: keyof typeof domainEvents): object {
  const { describes, data } = domainEvents[name];
  const example = exampleOf(name);
  const text = { type: 'string', minLength: 1, maxLength: 255 };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: example.dataschema,
    title: name,
    description: describes,
    type: 'object',
    properties: {
      specversion: { const: '1.0' },
      id: { ...text, description: 'With `source`, the key by which a repetition is recognised' },
      source: { ...text, description: 'The merchant', pattern: '^/merchants/' },
      type: { const: example.type },
      subject: { ...text, description: 'The order', pattern: '^ord_' },
      time: { type: 'string', format: 'date-time' },
      datacontenttype: { const: 'application/json' },
      dataschema: { const: example.dataschema },
      sequence: { type: 'string', pattern: '^[0-9]{10}$', description: '1, 2, 3, … within one order, without a gap' },
      traceparent: { type: 'string', maxLength: 64, description: 'W3C trace context of what caused it' },
      data,
    },
    required: Object.keys(example).filter((field) => field !== 'traceparent'),
    additionalProperties: false,
    examples: [example],
  };
}

/** An event such as the code itself would send, with sample data. */
function exampleOf(name: keyof typeof domainEvents): ReturnType<typeof toCloudEvent> {
  const event: StoredEvent = {
    position: 1n,
    transactionId: '1',
    eventId: '01890a5d-ac96-774b-bcce-b302099a8057',
    merchantId: 'demo',
    orderId: '01890a5d-ac96-774b-bcce-b302099a8058',
    sequence: 2,
    type: name,
    schemaVersion: domainEvents[name].version,
    data: sampleOf(name, domainEvents[name].data) as Record<string, unknown>,
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    occurredAt: new Date(Date.UTC(2026, 0, 15, 12, 30)),
  };
  return toCloudEvent(event);
}

/** Sample values by the name of the field; a new field of an event needs one here. */
const samples: Readonly<Record<string, unknown>> = {
  checkout_id: 'chk_01890a5d-ac96-774b-bcce-b302099a8059',
  amount_minor: 4590,
  currency: 'GBP',
  line_count: 3,
  units: 12,
  reason: 'velocity: 6 orders within an hour',
  by: 'maria',
  provider: 'simulated',
  provider_reference: 'auth_8f14e45f',
  decline_code: 'insufficient_funds',
  code: 'payment_failed',
};

function sampleOf(field: string, schema: TSchema): unknown {
  const properties: Record<string, TSchema> | undefined = schema.properties;
  if (properties !== undefined) {
    return Object.fromEntries(Object.entries(properties).map(([name, of]) => [name, sampleOf(name, of)]));
  }
  const sample = samples[field];
  if (sample === undefined) throw new Bug(`the event field ${field} has no sample in src/main/docs-events.ts`);
  return sample;
}
