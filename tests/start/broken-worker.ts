import { createServer } from 'node:http';
import { runProcess } from '../../src/main/process.ts';

// A worker whose loop ends by a fault that nobody foresaw, run as the real one is: only what it does is planted.
process.exitCode = await runProcess('worker', async ({ loops }) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  loops.watch('worker', new Promise((_resolve, reject) => setTimeout(() => reject(new TypeError('planted')), 100)));
  return {
    async stop() {
      await new Promise((resolve) => server.close(resolve));
      process.stdout.write('stopped in order\n');
    },
  };
});
