import { formatMicros } from "#model";
import type { OrderRequest, Refusal } from "#sim";

/**
 * What the venue says to an order that it does not take. Verbatim where official clients match the words
 * (reference/polymarket.md 6.5); the words for tick, sizes, duplicates and unknown books are as its users report them.
 */
export function refusalText(refusal: Refusal, order: Pick<OrderRequest, "id" | "price" | "quantity" | "instrument">) {
  const { id, price, quantity } = order;
  switch (refusal.kind) {
    case "market_closed":
    case "no_book":
      return `the orderbook ${order.instrument} does not exist`;
    case "duplicate":
      return `order ${id} is invalid. Duplicated.`;
    case "price_off_tick":
      return `order ${id} is invalid. Price (${formatMicros(price)}) breaks minimum tick size rule: ${formatMicros(refusal.tickSize)}`;
    case "price_out_of_bounds": {
      const [least, most] = [refusal.tickSize, 1_000_000 - refusal.tickSize].map(formatMicros);
      return `invalid price (${formatMicros(price)}), min: ${least} - max: ${most}`;
    }
    case "size_too_small": {
      const size = quantity.kind === "shares" ? formatMicros(quantity.size) : "";
      return `order ${id} is invalid. Size (${size}) lower than the minimum: ${formatMicros(refusal.minimum)}`;
    }
    case "cash_too_small": {
      const cash = quantity.kind === "cash" ? formatMicros(quantity.cash) : "";
      return `invalid amount for a marketable BUY order ($${cash}), min size: $${formatMicros(refusal.minimum)}`;
    }
    case "size_too_fine":
      return "invalid amounts, the size supports a max accuracy of 2 decimals";
    case "bad_expiry":
      return "invalid expiration";
    case "post_only_crosses":
      return "invalid post-only order: order crosses book";
    case "post_only_not_resting":
      return "invalid post-only order: only GTC and GTD orders can be post-only";
    case "not_enough_cash":
    case "not_enough_shares":
      return `not enough balance / allowance: the balance is not enough -> balance: ${refusal.available}, order amount: ${refusal.needed}`;
    case "not_filled_whole":
      return "order couldn't be fully filled. FOK orders are fully filled or killed.";
    case "nothing_to_match":
      return "no orders found to match with FAK order. FAK orders are partially filled or killed if no match is found.";
  }
}
