import type { WebSocket } from "ws";
import type { MarketId } from "#model";
import { parseUserRequest } from "#venue";
import type { Outlet } from "../server/outlet.ts";
import type { Accounts, ApiKey } from "./accounts.ts";

interface Client {
  readonly outlet: Outlet;
  key: ApiKey | undefined;
  /** undefined: all. */
  markets: Set<MarketId> | undefined;
}

const PONG = Buffer.from("PONG");

/** The user channel: who says in its first message who it is is told of its own orders and trades. */
export class UserChannel {
  readonly #accounts: Accounts;
  readonly #clients = new Set<Client>();

  constructor(accounts: Accounts) {
    this.#accounts = accounts;
  }

  accept(socket: WebSocket, outlet: Outlet): void {
    const client: Client = { outlet, key: undefined, markets: undefined };
    this.#clients.add(client);
    socket.on("message", (data) => this.#serve(client, String(data)));
    socket.on("close", () => this.#clients.delete(client));
  }

  /** @param address of the wallet, lower case */
  send(address: string, market: MarketId, bytes: Uint8Array): void {
    for (const { key, markets, outlet } of this.#clients) {
      if (key?.address === address && (markets?.has(market) ?? true)) outlet.send(bytes);
    }
  }

  #serve(client: Client, text: string): void {
    const request = parseUserRequest(text);
    switch (request.kind) {
      case "ping":
        return client.outlet.answer(PONG);
      case "login":
        client.key = request.credentials && this.#accounts.withCredentials(request.credentials);
        client.markets = request.markets && new Set(request.markets);
        // As the venue does it: without a word.
        if (!client.key) client.outlet.end();
        return;
      case "subscribe":
      case "unsubscribe":
        if (!client.key) return client.outlet.end();
        return change(client, request.kind, request.markets);
      case "invalid":
        if (!client.key) client.outlet.end();
        return;
    }
  }
}

/** Whoever hears of all markets hears, after naming one, of that one. */
function change(client: Client, kind: "subscribe" | "unsubscribe", markets: readonly MarketId[]): void {
  if (kind === "subscribe") client.markets = new Set([...(client.markets ?? []), ...markets]);
  else for (const market of markets) client.markets?.delete(market);
}
