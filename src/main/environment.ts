import { logLevels } from '../shared/log.ts';
import { isDatabaseUrl } from './database-url.ts';

/** A setting of the processes that run apart. `npm start` needs none of them. docs/configuration.md is made of this. */
export type Setting = {
  readonly name: string;
  readonly means: string;
  readonly kind: 'database' | 'url' | 'port' | 'text' | 'secret' | 'secrets' | 'level' | 'count';
  /** Null: the process does not start without it. */
  readonly byDefault: string | null;
  readonly usedBy: readonly ('api' | 'worker' | 'sweeper' | 'migrate')[];
};

const everywhere = ['api', 'worker', 'sweeper', 'migrate'] as const;

export const environment = {
  databaseUrl: {
    name: 'DATABASE_URL',
    means: 'The PostgreSQL database, 15 or newer: postgres://user:password@host:5432/database',
    kind: 'database',
    byDefault: null,
    usedBy: everywhere,
  },
  logLevel: { name: 'LOG_LEVEL', means: logLevels.join(', '), kind: 'level', byDefault: 'info', usedBy: everywhere },
  port: { name: 'PORT', means: 'Where the API listens', kind: 'port', byDefault: '3700', usedBy: ['api'] },
  host: {
    name: 'HOST',
    means: 'The address the API listens on',
    kind: 'text',
    byDefault: '127.0.0.1',
    usedBy: ['api'],
  },
  publicUrl: {
    name: 'PUBLIC_URL',
    means: 'The origin under which callers reach the API',
    kind: 'url',
    byDefault: 'http://127.0.0.1:3700',
    usedBy: ['api'],
  },
  shopUrl: {
    name: 'SHOP_URL',
    means: 'The shop: where buyers read orders, go on with checkouts, and find its terms',
    kind: 'url',
    byDefault: 'https://shop.example',
    usedBy: ['api'],
  },
  connections: {
    name: 'DATABASE_CONNECTIONS',
    means: 'Connections to the database, per process',
    kind: 'count',
    byDefault: '16',
    usedBy: ['api', 'worker'],
  },
  healthPort: {
    name: 'HEALTH_PORT',
    means: 'Where a worker or sweeper answers /livez, /readyz and /metrics; 0 for none',
    kind: 'port',
    byDefault: '0',
    usedBy: ['worker', 'sweeper'],
  },
  healthHost: {
    name: 'HEALTH_HOST',
    means: 'The address that HEALTH_PORT listens on; probes from elsewhere need another one than the default',
    kind: 'text',
    byDefault: '127.0.0.1',
    usedBy: ['worker', 'sweeper'],
  },
  providerUrl: {
    name: 'PAYMENT_PROVIDER_URL',
    means: 'The origin of the payment provider',
    kind: 'url',
    byDefault: 'http://127.0.0.1:3701',
    usedBy: ['worker'],
  },
  providerApiKey: {
    name: 'PAYMENT_PROVIDER_API_KEY',
    means: 'Our key at the payment provider',
    kind: 'secret',
    byDefault: null,
    usedBy: ['worker'],
  },
  webhookSecrets: {
    name: 'PAYMENT_PROVIDER_WEBHOOK_SECRETS',
    means: 'The secrets that its webhooks are signed with, comma-separated: two while one is rotated',
    kind: 'secrets',
    byDefault: null,
    usedBy: ['api'],
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof environment;

/** The settings of one process, parsed; or every fault at once, each with what to do. */
export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  process: 'api' | 'worker' | 'sweeper' | 'migrate',
): { readonly values: Readonly<Record<SettingName, string>> } | { readonly faults: readonly string[] } {
  const values: Record<string, string> = {};
  const faults: string[] = [];
  for (const [key, setting] of Object.entries(environment) as [SettingName, Setting][]) {
    const text = env[setting.name]?.trim() ?? '';
    const value = text === '' ? setting.byDefault : text;
    const isUsed = setting.usedBy.includes(process);
    if (value === null && isUsed) faults.push(`${setting.name} is not set. ${setting.means}.`);
    const fault = value === null || !isUsed ? null : faultOf(setting, value);
    if (fault !== null) faults.push(`${setting.name} ${fault}`);
    values[key] = value ?? '';
  }
  return faults.length > 0 ? { faults } : { values: values as Record<SettingName, string> };
}

const textMax = 2_048;

/** What is wrong with a value. Never repeats the value: it may be a secret. */
function faultOf(setting: Setting, value: string): string | null {
  if (value.length > textMax) return `is longer than ${textMax} characters.`;
  switch (setting.kind) {
    case 'database':
      return isDatabaseUrl(value) ? null : 'is not of the form postgres://user:password@host:5432/database.';
    case 'url':
      return /^https?:\/\//i.test(value) && URL.canParse(value) ? null : 'is not a URL that begins with http or https.';
    case 'port':
      return /^\d{1,5}$/.test(value) && Number(value) <= 65_535 ? null : 'is not a port: a number from 0 to 65535.';
    case 'count':
      return /^[1-9]\d{0,2}$/.test(value) ? null : 'is not a number from 1 to 999.';
    case 'level':
      return (logLevels as readonly string[]).includes(value) ? null : `is none of ${logLevels.join(', ')}.`;
    case 'secrets':
      return value.split(',').every((each) => /^whsec_[A-Za-z0-9+/]{32,88}=*$/.test(each.trim()))
        ? null
        : 'holds something that is not of the form whsec_ and base64.';
    case 'secret':
    case 'text':
      return null;
    default:
      return setting.kind satisfies never;
  }
}
