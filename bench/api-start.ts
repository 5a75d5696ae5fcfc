import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { freePort } from '../src/main/api.ts';
import { pause } from './load.ts';
import { benchKeys } from './processes.ts';

const waitMsMax = 30_000;
const pollMs = 5;

/** Milliseconds from the command `onetill api` to its first 200 of /readyz, on a database that is there already. */
export async function startApiOnce(databaseUrl: string): Promise<number> {
  const port = await freePort('127.0.0.1');
  const { npm_lifecycle_event: _, ...environment } = process.env;
  const beganMs = performance.now();
  const child = spawn(process.execPath, ['bin/onetill.mjs', 'api'], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: {
      ...environment,
      DATABASE_URL: databaseUrl,
      PORT: String(port),
      LOG_LEVEL: 'error',
      PAYMENT_PROVIDER_WEBHOOK_SECRETS: benchKeys.webhookSecret,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  try {
    while (performance.now() - beganMs < waitMsMax) {
      if (child.exitCode !== null) throw new Error(`onetill api ended with ${child.exitCode} before it was ready`);
      const response = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
      await response?.arrayBuffer();
      if (response?.status === 200) return performance.now() - beganMs;
      await pause(pollMs);
    }
    throw new Error(`onetill api was not ready within ${waitMsMax / 1000} s`);
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}
