import { inspect } from 'node:util';

/**
 * A value that cannot be printed: logs, JSON, templates and `console.log` show a placeholder. Reading it takes
 * the word `reveal`, which is easy to search for.
 */
export class Secret<T = string> {
  readonly #value: T;
  constructor(value: T) {
    this.#value = value;
  }
  reveal(): T {
    return this.#value;
  }
  toString(): string {
    return '[secret]';
  }
  toJSON(): string {
    return '[secret]';
  }
  [inspect.custom](): string {
    return '[secret]';
  }
}
