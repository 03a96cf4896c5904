/** What a backend is asked to run: one `redis-server`, as a server or as a sentinel. */
export interface LaunchRequest {
  /** Arguments behind `redis-server`; port, address and directory are the backend's business. */
  readonly args: readonly string[];
  /** Content of a configuration file that the server may rewrite (a sentinel insists on one). */
  readonly configFile?: string | undefined;
  /** The server is reached by other servers at the address that clients use (cluster, replicas, sentinels). */
  readonly talksToOthers: boolean;
}

/** One `redis-server` under our control. It keeps its port and its directory from `start` to `remove`. */
export interface ServerProcess {
  readonly host: string;
  readonly port: number;
  readonly busPort: number;
  /** Process id on this machine, where there is one. */
  readonly pid: number | undefined;
  readonly running: boolean;
  /** Resolves when the server answers. */
  start(): Promise<void>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGSTOP; resolves when the process has stopped. */
  pause(): Promise<void>;
  /** SIGCONT. */
  resume(): Promise<void>;
  /**
   * Deletes the data on disk, never the identity of a cluster node. `false` where files are out of reach: then
   * whoever wants an empty server must flush it.
   */
  removeData(): Promise<boolean>;
  /** Ends the process and frees everything. */
  remove(): Promise<void>;
}

/** A way to get a Redis that we may kill. */
export interface Backend {
  readonly via: "docker" | "local";
  /** Reserves what the server needs; it is started by `start()`. */
  prepare(request: LaunchRequest): Promise<ServerProcess>;
}
