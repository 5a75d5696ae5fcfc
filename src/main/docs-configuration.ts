import { head, table } from './docs-page.ts';
import { environment, type Setting } from './environment.ts';

/** docs/configuration.md: the settings of the processes that run apart. */
export function configurationPage(): string {
  const introduction = [
    '`npm start` needs no setting. The processes that run apart (`onetill api`, `worker`, `sweeper`, `migrate`)',
    'read these from the environment, all at once, before they do anything: a process with a faulty setting names',
    'every fault and ends.',
  ].join('\n');
  const rows = Object.values(environment).map((setting: Setting) => [
    `\`${setting.name}\``,
    setting.means,
    setting.byDefault === null ? 'none: it must be set' : `\`${setting.byDefault}\``,
    setting.usedBy.join(', '),
  ]);
  return [
    head('Configuration', '`src/main/environment.ts`', introduction),
    table(['variable', 'what it means', 'by default', 'read by'], rows),
    '',
  ].join('\n');
}
