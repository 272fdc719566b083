// The venues, each in its own folder: the only room that knows wire words. Bytes to events and back, and the sockets.
export { Decoder, decodeBookAnswer, decodeSlowly } from "./polymarket/decoder.ts";
export { decodeGamma, type GammaAnswer } from "./polymarket/gamma.ts";
export * from "./polymarket/series.ts";
export { type Surface, surfaceOf } from "./polymarket/surface.ts";
export * from "./polymarket/encode-book.ts";
export * from "./polymarket/encode-gamma.ts";
export * from "./polymarket/encode-market.ts";
export * from "./polymarket/encode-prices.ts";
export * from "./polymarket/subscribe.ts";
export * from "./polymarket/wire-requests.ts";
export * from "./polymarket/credentials.ts";
export * from "./polymarket/endpoints.ts";
export { Feed, type FeedOptions } from "./polymarket/feed.ts";
export * from "./polymarket/feed-plan.ts";
export { FEED_STATES, type FeedState } from "./polymarket/feed-states.ts";
export * from "./polymarket/venue-config.ts";
