import type { Spelling } from "./spelling.ts";

/*
 * The spellings of the venue's own messages as this program knows them, which an archive refers to by place: these places
 * are part of its format. New ones go behind, and nothing here is ever changed.
 */

const update = { comma: ", ", colon: ":", isArray: false, tail: "", entry: [], noBid: "0", noAsk: "1" };

export const COMMON_SPELLINGS: readonly Spelling[] = [
  {
    ...update,
    kind: "price_change",
    members: [
      ["market", "market"],
      ["price_changes", "changes"],
      ["timestamp", "time"],
      ["event_type", '="price_change"'],
    ],
    entry: [
      ["asset_id", "instrument"],
      ["price", "price"],
      ["size", "size"],
      ["side", "side"],
      ["hash", "digest"],
      ["best_bid", "bestBid"],
      ["best_ask", "bestAsk"],
    ],
  },
  {
    ...update,
    kind: "book",
    members: [
      ["market", "market"],
      ["asset_id", "instrument"],
      ["bids", "bids"],
      ["asks", "asks"],
      ["hash", "digest"],
      ["timestamp", "time"],
      ["event_type", '="book"'],
    ],
  },
  {
    ...update,
    kind: "book",
    comma: ",",
    isArray: true,
    tail: "\n",
    members: [
      ["market", "market"],
      ["asset_id", "instrument"],
      ["timestamp", "time"],
      ["hash", "digest"],
      ["bids", "bids"],
      ["asks", "asks"],
      ["tick_size", "tick"],
      ["event_type", '="book"'],
      ["last_trade_price", "lastTrade"],
    ],
  },
  {
    ...update,
    kind: "trade",
    members: [
      ["event_type", '="last_trade_price"'],
      ["asset_id", "instrument"],
      ["market", "market"],
      ["price", "price"],
      ["size", "size"],
      ["fee_rate_bps", '="0"'],
      ["side", "side"],
      ["timestamp", "time"],
      ["transaction_hash", "transaction"],
    ],
  },
  {
    ...update,
    kind: "tick_size_change",
    members: [
      ["event_type", '="tick_size_change"'],
      ["asset_id", "instrument"],
      ["market", "market"],
      ["old_tick_size", "previous"],
      ["new_tick_size", "tick"],
      ["timestamp", "time"],
    ],
  },
  {
    ...update,
    kind: "best_prices",
    noAsk: "",
    noBid: "",
    members: [
      ["event_type", '="best_bid_ask"'],
      ["market", "market"],
      ["asset_id", "instrument"],
      ["best_bid", "bestBid"],
      ["best_ask", "bestAsk"],
      ["spread", "spread"],
      ["timestamp", "time"],
    ],
  },
];
