import { after } from '../../src/shared/clock.ts';
import type { Plan, ProcessFault } from './plan.ts';
import { createProcess } from './process.ts';
import { startApi, startSweepers, startWorkers } from './staff.ts';
import type { Process, Running, RunningApi, Supervisor, World } from './world.ts';

type Post = {
  readonly role: ProcessFault['role'];
  readonly index: number;
  running: Running | null;
  generation: number;
  exchanges: number;
};

/** Starts nothing yet: `startAll` does. */
export function createSupervisor(world: World): Supervisor {
  const { plan } = world;
  let isOff = false;
  const posts: Post[] = (['api', 'worker', 'sweeper'] as const).flatMap((role) =>
    Array.from({ length: plan.processes[role] }, (_, index): Post => {
      return { role, index, running: null, generation: 0, exchanges: 0 };
    }),
  );

  function start(post: Post): void {
    if (isOff || post.running !== null) return;
    post.generation += 1;
    const name = `${post.role} ${post.index + 1}.${post.generation}`;
    const process = createProcess(world, name, (side) => onExchange(post, process, side));
    world.note(name, 'starts');
    post.running = world.time.bound(
      () => process.isDead,
      () => startIn(post, process),
    );
  }

  function startIn(post: Post, process: Process): Running {
    if (post.role === 'api') return startApi(world, process);
    return post.role === 'worker' ? startWorkers(world, process) : startSweepers(world, process);
  }

  function onExchange(post: Post, process: Process, side: 'before' | 'after'): void {
    if (post.running?.process !== process || !world.hasFaults()) return;
    if (side === 'before') post.exchanges += 1;
    for (const fault of plan.processFaults) {
      const { when } = fault;
      if ('atMs' in when || when.side !== side || when.exchange !== post.exchanges || !isMeant(plan, fault, post))
        continue;
      strike(post, fault);
    }
  }

  function strike(post: Post, fault: ProcessFault): void {
    const { running } = post;
    if (running === null) return;
    world.hit(`process:${fault.how === 'kill' ? 'killed' : 'frozen'}`);
    if (fault.how === 'freeze') return running.process.freeze(fault.durationMs);
    running.process.kill();
    post.running = null;
    after(fault.durationMs, () => start(post));
  }

  for (const fault of plan.processFaults) {
    const { when } = fault;
    if (!('atMs' in when)) continue;
    after(when.atMs, () => {
      for (const post of posts) if (isMeant(plan, fault, post)) strike(post, fault);
    });
  }
  return {
    apis: () => posts.flatMap(({ running }) => (running !== null && 'desk' in running ? [running as RunningApi] : [])),
    async stopAll(how) {
      isOff = true;
      const all = posts.flatMap(({ running }) => running ?? []);
      for (const post of posts) post.running = null;
      if (how === 'stop') await Promise.all(all.map((running) => running.stop()));
      for (const { process } of all) process.kill();
    },
    startAll() {
      isOff = false;
      for (const post of posts) start(post);
    },
  };
}

function isMeant(plan: Plan, fault: ProcessFault, post: Post): boolean {
  return fault.role === post.role && fault.index % plan.processes[fault.role] === post.index;
}
