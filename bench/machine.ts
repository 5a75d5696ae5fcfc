import { cpus, loadavg, release, totalmem, type } from 'node:os';

/** What the figures were taken on, in sentences. The load is that of before the run: whether others were at work. */
export function describeMachine(postgres: string): string[] {
  const models = cpus().map(({ model, speed }) => `${model.trim()}${speed > 0 ? ` at ${speed} MHz` : ''}`);
  const gib = Math.round(totalmem() / 1024 ** 3);
  const load = loadavg()[0] ?? 0;
  return [
    `Machine: ${models.length} × ${models[0] ?? 'unknown processor'}, ${gib} GiB, ${type()} ${release()}.`,
    `Node ${process.versions.node}, PostgreSQL ${postgres} (embedded).`,
    `Load before the run: ${load.toFixed(1)}${load > quietLoadMax ? busy : ''}.`,
  ];
}

const quietLoadMax = 0.5;
const busy = ': others were at work, so take the ratios and leave the absolute figures';
