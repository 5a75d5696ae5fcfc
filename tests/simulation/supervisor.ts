import type { ProcessFault } from './plan.ts';
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
      () => startIn(world, post, process),
    );
  }

  function onExchange(post: Post, process: Process, side: 'before' | 'after'): void {
    if (post.running?.process !== process || !world.hasFaults()) return;
    if (side === 'before') post.exchanges += 1;
    for (const fault of plan.processFaults) {
      const { when } = fault;
      if ('atMs' in when || when.side !== side || when.exchange !== post.exchanges || !isMeant(fault, post)) continue;
      strike(post, fault);
    }
  }

  function isMeant(fault: ProcessFault, post: Post): boolean {
    return fault.role === post.role && fault.index % plan.processes[fault.role] === post.index;
  }

  function strike(post: Post, fault: ProcessFault): void {
    const { running } = post;
    if (running === null) return;
    world.hit(`process:${fault.how === 'kill' ? 'killed' : 'frozen'}`);
    if (fault.how === 'freeze') return running.process.freeze(fault.durationMs);
    end(running);
    post.running = null;
    world.time.after(fault.durationMs, () => start(post));
  }

  scheduleFaults(world, (fault) => {
    for (const post of posts) if (isMeant(fault, post)) strike(post, fault);
  });
  return {
    apis: () => posts.flatMap(({ running }) => (running !== null && 'desk' in running ? [running as RunningApi] : [])),
    async stopAll(how) {
      isOff = true;
      const all = posts.flatMap(({ running }) => running ?? []);
      for (const post of posts) post.running = null;
      if (how === 'stop') await Promise.all(all.map((running) => running.stop()));
      for (const running of all) end(running);
    },
    startAll() {
      isOff = false;
      for (const post of posts) start(post);
    },
  };
}

/** Those that strike at a time, whatever their process is at. */
function scheduleFaults({ plan, time }: World, strike: (fault: ProcessFault) => void): void {
  for (const fault of plan.processFaults) if ('atMs' in fault.when) time.after(fault.when.atMs, () => strike(fault));
}

function startIn(world: World, { role }: Post, process: Process): Running {
  if (role === 'api') return startApi(world, process);
  return role === 'worker' ? startWorkers(world, process) : startSweepers(world, process);
}

/** What is killed never goes on; its loops are told to end, or those that do not even look outside would turn on. */
function end(running: Running): void {
  running.process.kill();
  void running.stop();
}
