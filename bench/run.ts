import { measureCommit } from './commit.ts';
import { type Ground, layGround, postgresVersion } from './ground.ts';
import { measureHttp } from './http.ts';
import { describeMachine } from './machine.ts';
import { writeLast } from './page.ts';
import { renderSection, type Section } from './section.ts';
import { measureStart } from './start.ts';
import { measureWholeOrders } from './whole-orders.ts';

/** One file per number, in the order of the page. Each is handed the one server that they share. */
const benches: Readonly<Record<string, (ground: Ground) => Promise<Section>>> = {
  commit: measureCommit,
  http: measureHttp,
  'whole-orders': measureWholeOrders,
  start: measureStart,
};

const usage = `npm run bench                measures everything, and writes bench/README.md and bench/last.json
npm run bench -- NAME …      measures some: ${Object.keys(benches).join(', ')}
npm run bench -- --dry …     writes nothing
`;

/** Answers 0 when everything was measured, 1 when a promise was broken or something failed, 2 when misused. */
export async function run(argv: readonly string[]): Promise<number> {
  const isDry = argv.includes('--dry');
  const named = argv.filter((word) => word !== '--dry');
  const unknown = named.filter((name) => !Object.hasOwn(benches, name));
  if (unknown.length > 0) {
    process.stderr.write(`${unknown[0] === '--help' ? '' : `There is no ${unknown.join(', ')}.\n\n`}${usage}`);
    return unknown[0] === '--help' ? 0 : 2;
  }
  const ground = await layGround();
  const stopBySignal = () => {
    process.stderr.write('\nStopping …\n');
    void ground.stop().finally(() => process.exit(130));
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stopBySignal);
  try {
    const machine = describeMachine(await postgresVersion(ground.database));
    const sections: Section[] = [];
    for (const [name, measure] of Object.entries(benches)) {
      if (named.length > 0 && !named.includes(name)) continue;
      process.stderr.write(`Measuring: ${name} …\n`);
      const section = await measure(ground);
      process.stdout.write(`\n${renderSection(section)}`);
      sections.push(section);
    }
    process.stdout.write(`\n${machine.join('\n')}\n`);
    if (!isDry) await writeLast(sections, machine);
    return 0;
  } catch (error) {
    // A broken promise is told like any other failure: no number of this run counts.
    process.stderr.write(`\nThe run failed: ${error instanceof Error ? (error.stack ?? error.message) : error}\n`);
    return 1;
  } finally {
    await ground.stop();
  }
}
