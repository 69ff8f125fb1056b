/** The agent's version, as it tells it to the host. */
export const VERSION = "0.1.0";
