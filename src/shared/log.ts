import { type Logger as PinoLogger, pino } from 'pino';
import { machineClock } from './clock.ts';
import { descriptorTarget, fileTarget, lineSink } from './log/sink.run.ts';

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

/**
 * A logger that names its process and writes, each line at once, to a file that is turned when it has grown too large,
 * or to a file descriptor: standard output unless it says otherwise. Logging never throws; what cannot be written is
 * dropped, counted, and told of when writing works again.
 */
export function createLogger(options: {
  process: string;
  level: LogLevel;
  fileDescriptor?: number;
  file?: { path: string; bytesMax: number };
}): Logger {
  const { file, fileDescriptor = 1 } = options;
  const target = file === undefined ? descriptorTarget(fileDescriptor) : fileTarget(file.path, file.bytesMax);
  const log = pino(
    {
      level: options.level,
      base: { process: options.process },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: lineSink(target, (dropped) => noticeOf(options.process, dropped)) },
  );
  return { debug: write(log, 'debug'), info: write(log, 'info'), warn: write(log, 'warn'), error: write(log, 'error') };
}

/** In the form of the lines around it. */
function noticeOf(process: string, dropped: number): string {
  const time = new Date(machineClock.nowMs()).toISOString();
  const msg = 'lines could not be written to the log and were dropped';
  return `${JSON.stringify({ level: 'warn', time, process, count: dropped, msg })}\n`;
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
