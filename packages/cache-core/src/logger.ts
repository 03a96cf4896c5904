/** What the toolkit asks of a logger: the two-argument form that pino and its look-alikes share. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Writes nothing. The default: a library does not print unless it is given a logger. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
