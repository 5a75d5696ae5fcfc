/** Loaded before everything else of a process, moves its clock by CLOCK_SKEW_MS; timers run on as they are. */
const skewMs = Number(process.env.CLOCK_SKEW_MS ?? 0);
const MachineDate = Date;
const now = (): number => MachineDate.now() + skewMs;

globalThis.Date = new Proxy(MachineDate, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  apply: () => new MachineDate(now()).toString(),
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
});
