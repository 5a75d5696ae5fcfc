/** A column as the migrations make it. `Value` is what the driver gives back for it. */
export type Column<Value = unknown, Filled extends boolean = boolean> = {
  readonly type: string;
  readonly isNullable: boolean;
  readonly hasCheck: boolean;
  /** The check constraint of the column. Null passes every check, as in SQL. */
  fits(value: Value): boolean;
  /** Whether an insert may leave it out. */
  readonly isFilled: Filled;
  /** What it is then; null where there is no default. */
  readonly initial: ((now: Date) => unknown) | null;
};

type Required<Value> = Column<Value, false>;

function column<Value>(type: string, fits?: (value: Value) => boolean): Required<Value> {
  const hasCheck = fits !== undefined;
  return { type, isNullable: false, hasCheck, fits: fits ?? (() => true), isFilled: false, initial: null };
}

export const uuid = (): Required<string> => column('uuid');
export const instant = (): Required<Date> => column('timestamp with time zone');
export const flag = (): Required<boolean> => column('boolean');
export const transactionId = (): Required<bigint> => column('xid8');
/** Text that another constraint limits: the table that it refers to. */
export const reference = (): Required<string> => column('text');

/** Text of so many characters. PostgreSQL counts code points, JavaScript UTF-16 units. */
export function text(lengthMax: number, lengthMin = 0): Required<string> {
  return column('text', (value) => {
    if (value.length >= lengthMin * 2 && value.length <= lengthMax) return true;
    const { length } = [...value];
    return length >= lengthMin && length <= lengthMax;
  });
}

export const matching = (form: RegExp): Required<string> => column('text', (value) => form.test(value));

export function oneOf<Word extends string>(...words: readonly Word[]): Required<Word> {
  return column<Word>('text', (value) => words.includes(value));
}

export function integer(min?: number, max = 2 ** 31 - 1): Required<number> {
  return min === undefined ? column('integer') : column('integer', (value) => value >= min && value <= max);
}

export function bigint(min?: bigint, max = 2n ** 63n - 1n): Required<bigint> {
  return min === undefined ? column('bigint') : column('bigint', (value) => value >= min && value <= max);
}

export const bytes = (length: number): Required<Uint8Array> => column('bytea', (value) => value.length === length);

/** Its size has a limit, but that of the form in which the server stores it: here every size passes. */
export const json = (): Required<unknown> => column('jsonb', () => true);

export function orNull<Value>(inner: Required<Value>): Column<Value | null, true> {
  return {
    ...inner,
    isNullable: true,
    fits: (value: Value | null) => value === null || inner.fits(value),
    isFilled: true,
  };
}

export function initially<Value>(inner: Required<Value>, initial: (now: Date) => Value): Column<Value, true> {
  return { ...inner, isFilled: true, initial };
}

export const now = (): Column<Date, true> => initially(instant(), (at) => at);

// Columns that many tables have.
export const merchantId = () => text(63);
export const sku = () => text(64, 1);
export const currency = () => matching(/^[A-Z]{3}$/);
export const country = () => matching(/^[A-Z]{2}$/);
export const idForm = () => matching(/^[a-z0-9][a-z0-9-]{0,62}$/);
export const count = () => initially(integer(0), () => 0);
export const amount = () => bigint(0n, 10_000_000_000_000n);
export const noAmount = () => initially(bigint(0n), () => 0n);
