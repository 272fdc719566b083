import type { ConnectionId } from "#model";

/** The services of the venue, each with messages of its own. */
export type Surface = "market" | "polybolt" | "rtds" | "binance";

/** By the first part of our labels; frames from elsewhere carry any label and are the market channel's. */
export function surfaceOf(connection: ConnectionId): Surface {
  const head = /^(polybolt|rtds|binance)-/.exec(connection);
  return head ? (head[1] as Surface) : "market";
}
