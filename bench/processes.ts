import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A part of Onetill that runs apart, in a process of its own, as it would behind a real shop. */
export type Apart = { readonly url: string; readonly pid: number; stop(): Promise<void> };

export type PartSettings =
  | { readonly part: 'api'; readonly databaseUrl: string }
  | { readonly part: 'worker'; readonly databaseUrl: string; readonly providerUrl: string }
  | { readonly part: 'provider'; readonly dataDir: string }
  | { readonly part: 'http-layer' };

/** What the simulator and those who call it share; it lives as long as the run. */
export const benchKeys = {
  apiKey: 'key-of-the-bench',
  controlSecret: 'control-of-the-bench',
  webhookSecret: 'whsec_b25ldGlsbC1iZW5jaC13ZWJob29rLXNlY3JldC0w',
} as const;

/** The connections of each process, as `npm start` has it. */
export const connectionsMax = 16;

const partFile = fileURLToPath(new URL('part.ts', import.meta.url));
const projectRoot = fileURLToPath(new URL('..', import.meta.url));

/** Starts the part and waits until it says that it is ready. It ends with this process, whatever ends it. */
export async function startApart(settings: PartSettings): Promise<Apart> {
  const child = spawn(process.execPath, ['--import', 'tsx', partFile, JSON.stringify(settings)], {
    cwd: projectRoot,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const url = await firstLine(child, settings.part);
  return {
    url,
    pid: child.pid ?? 0,
    async stop() {
      // The part stops when its input ends; one that does not is not waited for.
      child.stdin.end();
      const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await ended;
      clearTimeout(late);
    },
  };
}

function firstLine(child: ChildProcess, part: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    child.stdout?.on('data', (chunk) => {
      output += chunk;
      const end = output.indexOf('\n');
      if (end !== -1) resolve(output.slice(0, end));
    });
    child.once('close', (code) => reject(new Error(`the ${part} ended with ${code} before it was ready`)));
    child.once('error', reject);
  });
}
