/** An error as the server reports it: code under `code` decides what the caller does. */
export class SqlError extends Error {
  override readonly name = 'SqlError';
  readonly code: string;
  readonly constraint: string | undefined;
  constructor(code: string, message: string, constraint?: string) {
    super(message);
    this.code = code;
    this.constraint = constraint;
  }
}

/** The names of PostgreSQL's manual for the codes that the store gives. */
export const sqlStates = {
  restrict_violation: '23001',
  not_null_violation: '23502',
  foreign_key_violation: '23503',
  unique_violation: '23505',
  check_violation: '23514',
  cardinality_violation: '21000',
  in_failed_sql_transaction: '25P02',
  serialization_failure: '40001',
  deadlock_detected: '40P01',
  too_many_connections: '53300',
  lock_not_available: '55P03',
  query_canceled: '57014',
  admin_shutdown: '57P01',
} as const;

/** A name of the list as the error that it stands for. */
export function failWith(name: keyof typeof sqlStates, message: string, constraint?: string): SqlError {
  return new SqlError(sqlStates[name], message, constraint);
}
