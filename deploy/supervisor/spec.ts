/** One process of the set. */
export interface ProcessSpec {
  /** Also the prefix of its log lines. */
  name: string;
  command: string;
  args: readonly string[];
  /** Added to the environment of the supervisor. */
  env: Readonly<Record<string, string>>;
  /** Sockets that the supervisor makes and hands over as fd 3, 4, ... */
  sockets: readonly { name: string; path: string }[];
  /** True where it is only started when the first client connects to one of its sockets. */
  onDemand?: boolean;
  /** A socket the process makes itself; it counts as started when somebody can connect there. */
  readySocket?: string;
  /** How long it may take to end after SIGTERM before it is killed. */
  stopGraceMs: number;
}
