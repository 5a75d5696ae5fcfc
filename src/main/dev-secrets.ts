import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Secret } from '../shared/secret.ts';

/** What the start command's API, worker and simulator share. Made once per data folder, readable by its owner alone. */
export type DevSecrets = {
  readonly providerApiKey: Secret;
  readonly providerControlSecret: Secret;
  readonly webhookSecret: Secret;
};

type Stored = {
  readonly providerApiKey: string;
  readonly providerControlSecret: string;
  readonly webhookSecret: string;
};

export async function devSecrets(dataDir: string): Promise<DevSecrets> {
  const path = join(dataDir, 'secrets.json');
  const stored = (await readStored(path)) ?? (await make(path));
  return {
    providerApiKey: new Secret(stored.providerApiKey),
    providerControlSecret: new Secret(stored.providerControlSecret),
    webhookSecret: new Secret(stored.webhookSecret),
  };
}

async function readStored(path: string): Promise<Stored | null> {
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    const stored = JSON.parse(text) as Partial<Stored>;
    const { providerApiKey, providerControlSecret, webhookSecret } = stored;
    if (providerApiKey && providerControlSecret && webhookSecret?.startsWith('whsec_')) {
      return { providerApiKey, providerControlSecret, webhookSecret };
    }
  } catch {
    // A torn file is made anew: the simulator reads the same one.
  }
  return null;
}

async function make(path: string): Promise<Stored> {
  const stored: Stored = {
    providerApiKey: `key_${randomBytes(24).toString('base64url')}`,
    providerControlSecret: randomBytes(24).toString('base64url'),
    webhookSecret: `whsec_${randomBytes(32).toString('base64')}`,
  };
  const aside = `${path}.${process.pid}`;
  await writeFile(aside, `${JSON.stringify(stored, null, 2)}\n`, { mode: 0o600 });
  await rename(aside, path);
  return stored;
}
