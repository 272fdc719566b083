/** Events as the venue writes them: its messages, books, prices and catalog answers. */
export * from "./encode-book.ts";
export * from "./encode-gamma.ts";
export * from "./encode-market.ts";
export * from "./encode-prices.ts";
