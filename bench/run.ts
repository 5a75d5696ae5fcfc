import { measureBatchSize } from './batch-size.ts';
import { measureCommit } from './commit.ts';
import { measureEngines } from './engines.ts';
import { fullPace, type Ground, layGround, type Pace, postgresVersion, quickPace } from './ground.ts';
import { measureGrowth } from './growth.ts';
import { measureHalfLoad } from './half-load.ts';
import { measureHotItem } from './hot-item.ts';
import { measureHttp } from './http.ts';
import { measureHttpLayer } from './http-layer.ts';
import { describeMachine } from './machine.ts';
import { measureOverload } from './overload.ts';
import { writeLast } from './page.ts';
import { renderSection, type Section } from './section.ts';
import { measureSoak } from './soak.ts';
import { measureStart } from './start.ts';
import { measureWholeOrders } from './whole-orders.ts';

/** One file per number, in the order of the page. Each is handed the one server that they share. */
const benches: Readonly<Record<string, (ground: Ground) => Promise<Section>>> = {
  commit: measureCommit,
  'half-load': measureHalfLoad,
  'batch-size': measureBatchSize,
  'hot-item': measureHotItem,
  http: measureHttp,
  'http-layer': measureHttpLayer,
  overload: measureOverload,
  'whole-orders': measureWholeOrders,
  engines: measureEngines,
  growth: measureGrowth,
  soak: measureSoak,
  start: measureStart,
};

const usage = `npm run bench                         measures everything, and writes the page and the plots in bench/
npm run bench -- NAME …               measures some: ${Object.keys(benches).join(', ')}
npm run bench -- --dry …              writes nothing
npm run bench -- --quick …            tries everything out in short runs, whose figures say nothing; writes nothing
npm run bench -- --soak-minutes N …   keeps up half load for so long: one minute, if nothing is said
`;

type Asked = { readonly names: readonly string[]; readonly pace: Pace; readonly isDry: boolean };

/** What the words ask for, or the one that cannot be understood. */
function readWords(argv: readonly string[]): Asked | { readonly unknown: string } {
  const names: string[] = [];
  let pace: Pace = argv.includes('--quick') ? quickPace : fullPace;
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (word === '--dry' || word === '--quick') continue;
    if (word === '--soak-minutes') {
      index += 1;
      const soakMinutes = Number(argv[index]);
      if (!(soakMinutes > 0 && soakMinutes <= 24 * 60)) return { unknown: `--soak-minutes ${argv[index] ?? ''}` };
      pace = { ...pace, soakMinutes };
    } else if (Object.hasOwn(benches, word)) names.push(word);
    else return { unknown: word };
  }
  return { names, pace, isDry: argv.includes('--dry') || argv.includes('--quick') };
}

/** Answers 0 when everything was measured, 1 when a promise was broken or something failed, 2 when misused. */
export async function run(argv: readonly string[]): Promise<number> {
  const asked = readWords(argv);
  if ('unknown' in asked) {
    const isHelp = asked.unknown === '--help';
    process.stderr.write(`${isHelp ? '' : `There is no ${asked.unknown}.\n\n`}${usage}`);
    return isHelp ? 0 : 2;
  }
  const ground = await layGround(asked.pace);
  const stopBySignal = () => {
    process.stderr.write('\nStopping …\n');
    void ground.stop().finally(() => process.exit(130));
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stopBySignal);
  try {
    await measureAll(ground, asked);
    return 0;
  } catch (error) {
    // A broken promise is told like any other failure: no number of this run counts.
    process.stderr.write(`\nThe run failed: ${error instanceof Error ? (error.stack ?? error.message) : error}\n`);
    return 1;
  } finally {
    await ground.stop();
  }
}

async function measureAll(ground: Ground, { names, isDry }: Asked): Promise<void> {
  const machine = describeMachine(await postgresVersion(ground.database));
  const sections: Section[] = [];
  for (const [name, measure] of Object.entries(benches)) {
    if (names.length > 0 && !names.includes(name)) continue;
    process.stderr.write(`Measuring: ${name} …\n`);
    const beganMs = performance.now();
    const section = await measure(ground);
    const seconds = Math.round((performance.now() - beganMs) / 1000);
    process.stdout.write(`\n${renderSection(section)}measured in ${seconds} s\n`);
    sections.push(section);
  }
  process.stdout.write(`\n${machine.join('\n')}\n`);
  if (!isDry) await writeLast(sections, machine, Object.keys(benches));
}
