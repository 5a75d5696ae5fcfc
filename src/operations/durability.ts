/** What PostgreSQL says of how it keeps what it has committed, as this session has it. */
export type DurabilitySettings = {
  readonly fsync: string;
  readonly full_page_writes: string;
  readonly synchronous_commit: string;
};

/**
 * The settings under which a commit that was answered can be lost, such as `fsync is off`; none of a server that keeps
 * what it has promised. Of synchronous_commit every value but off waits for the disk of this server at least.
 */
export function undurable(settings: DurabilitySettings): readonly string[] {
  return Object.entries(settings).flatMap(([name, value]) => (value === 'off' ? [`${name} is off`] : []));
}
