/** What happened in a world, counted by name. */
export type Figures = {
  count(name: string, by?: number): void;
  readonly of: Readonly<Record<string, number>>;
};

export function newFigures(): Figures {
  const of: Record<string, number> = {};
  return {
    of,
    count(name, by = 1) {
      of[name] = (of[name] ?? 0) + by;
    },
  };
}
