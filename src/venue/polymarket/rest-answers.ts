import type { ExactPrice, Fault, InstrumentId, MarketId, UnixMicros } from "#model";
import { SECOND } from "#model";
import { exactPrice, faultOf, isMembers, type Members, text, Unreadable } from "./json.ts";

/** What CLOB `/markets/{conditionId}` says beyond Gamma: often the winner, earlier. */
export interface ClobMarket {
  readonly kind: "clob_market";
  readonly id: MarketId;
  readonly instruments: readonly InstrumentId[];
  readonly closed: boolean;
  /** null while undecided. */
  readonly winner: InstrumentId | null;
}

/** `{condition_id, closed, tokens: [{token_id, outcome, price, winner}], …}`; never throws. */
export function decodeClobMarket(bytes: Uint8Array): ClobMarket | Fault {
  return decodeObject(bytes, (body) => {
    const tokens = Array.isArray(body.tokens) ? body.tokens.filter(isMembers) : [];
    const winners = tokens.filter((token) => token.winner === true);
    return {
      kind: "clob_market",
      id: text(body, "condition_id") as MarketId,
      instruments: tokens.map((token) => text(token, "token_id") as InstrumentId),
      closed: body.closed === true,
      // A split market (50/50) marks nobody or both: that is no winner.
      winner: winners.length === 1 && winners[0] ? (text(winners[0], "token_id") as InstrumentId) : null,
    };
  });
}

/** The strike service's word on one window. */
export interface WindowPrices {
  readonly kind: "window_prices";
  readonly open: ExactPrice | null;
  /** Only once the window is complete: before, the service sends the running price. */
  readonly close: ExactPrice | null;
}

/** `{openPrice, closePrice, timestamp, completed, incomplete, cached}`; never throws. */
export function decodeWindowPrices(bytes: Uint8Array): WindowPrices | Fault {
  return decodeObject(bytes, (body) => {
    if (!("openPrice" in body)) throw new Unreadable("bad_shape", "openPrice is missing");
    return {
      kind: "window_prices",
      open: knownPrice(body.openPrice, "openPrice"),
      close: body.completed === true && body.incomplete !== true ? knownPrice(body.closePrice, "closePrice") : null,
    };
  });
}

/** CLOB `/time`: Unix seconds as a bare number. undefined where it is none. */
export function decodeVenueTime(bytes: Uint8Array): UnixMicros | undefined {
  const body = new TextDecoder().decode(bytes).trim();
  return /^\d{9,11}$/.test(body) ? ((Number(body) * SECOND) as UnixMicros) : undefined;
}

/** null where the service has none yet. */
function knownPrice(value: unknown, key: string): ExactPrice | null {
  const price = value === undefined || value === null || value === "" ? null : exactPrice(value, key);
  return price !== null && price.price > 0 ? price : null;
}

function decodeObject<T>(bytes: Uint8Array, decode: (body: Members) => T): T | Fault {
  try {
    const body: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (!isMembers(body)) throw new Unreadable("bad_shape", "the answer is no object");
    return decode(body);
  } catch (error) {
    if (error instanceof SyntaxError) return { kind: "fault", reason: "not_json", detail: error.message };
    return faultOf(error);
  }
}
