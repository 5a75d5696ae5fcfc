import { type Logger as PinoLogger, pino } from 'pino';

/**
 * JSON lines with ids and without personal data: what is logged is an allow-list of fields, not an object that
 * happens to be at hand. Anything else in `fields` does not compile.
 */
export type LogFields = {
  readonly merchantId?: string;
  readonly callerId?: string;
  readonly orderId?: string;
  readonly checkoutId?: string;
  readonly paymentId?: string;
  readonly messageId?: string;
  readonly requestId?: string;
  readonly traceId?: string;
  readonly queue?: string;
  readonly type?: string;
  readonly step?: string;
  readonly task?: string;
  readonly party?: string;
  readonly attempt?: number;
  readonly count?: number;
  readonly durationMs?: number;
  readonly delayMs?: number;
  readonly port?: number;
  readonly pid?: number;
  readonly method?: string;
  readonly route?: string;
  readonly status?: number;
  readonly code?: string;
  readonly reason?: string;
  readonly error?: Error;
};

export type Logger = {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
};

export const logLevels = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

/** A logger that writes to the file descriptor (1 is standard output), naming its process. */
export function createLogger(options: { process: string; level: LogLevel; fileDescriptor?: number }): Logger {
  const log = pino(
    {
      level: options.level,
      base: { process: options.process },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ fd: options.fileDescriptor ?? 1, sync: true }),
  );
  return { debug: write(log, 'debug'), info: write(log, 'info'), warn: write(log, 'warn'), error: write(log, 'error') };
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

function write(log: PinoLogger, level: 'debug' | 'info' | 'warn' | 'error') {
  return (message: string, fields: LogFields = {}): void => {
    const { error, ...rest } = fields;
    if (error === undefined) return log[level](rest, message);
    // Messages of database errors can hold a row's values in `detail`; the name, message and stack of the error cannot.
    log[level]({ ...rest, error: { name: error.name, message: error.message, stack: error.stack } }, message);
  };
}
