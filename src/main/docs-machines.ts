import { reservationMachine } from '../inventory/reservation.ts';
import { orderMachine } from '../orders/order.ts';
import { paymentMachine } from '../payments/payment.ts';
import { sagaMachine, stepMachine } from '../sagas/saga.ts';
import { diagramOf, type Machine } from '../shared/transitions.ts';
import { head, table } from './docs-page.ts';

/** Every state machine of the project, with the file that holds its table. */
export const machines: readonly { readonly machine: Machine<string>; readonly file: string }[] = [
  { machine: orderMachine, file: 'src/orders/order.ts' },
  { machine: paymentMachine, file: 'src/payments/payment.ts' },
  { machine: reservationMachine, file: 'src/inventory/reservation.ts' },
  { machine: sagaMachine, file: 'src/sagas/saga.ts' },
  { machine: stepMachine, file: 'src/sagas/saga.ts' },
];

/** docs/state-machines.md: each machine as a diagram and as a table. */
export function machinesPage(): string {
  const introduction = [
    'Each machine is one table in code. A change of state that is not in the table cannot be written, and a test',
    'fails when a state is never reached or never leads to an end.',
  ].join('\n');
  const sections = machines.map(({ machine, file }) => {
    const rows = Object.entries(machine.transitions).flatMap(([from, targets]) => {
      const named = `\`${from}\`${machine.final.includes(from) ? ' (an end)' : ''}`;
      const leads = Object.entries(targets).map(([to, why]) => [named, `\`${to}\``, why ?? '']);
      return leads.length === 0 ? [[named, '', '']] : leads;
    });
    const title = `## ${machine.name.charAt(0).toUpperCase()}${machine.name.slice(1)}`;
    return [title, `From \`${file}\`.`, diagram(machine), table(['from', 'to', 'when'], rows)].join('\n\n');
  });
  return `${head('State machines', 'the tables in code', introduction)}\n${sections.join('\n\n')}\n`;
}

/** The diagrams of the order and its payment; the page has them all. */
export function machinesForArchitecture(): string {
  const shown = machines.map(({ machine }) => `### The ${machine.name}\n\n${diagram(machine)}`);
  return [...shown, 'As tables: [docs/state-machines.md](docs/state-machines.md).'].join('\n\n');
}

function diagram(machine: Machine<string>): string {
  return `\`\`\`mermaid\n${diagramOf(machine)}\n\`\`\``;
}
