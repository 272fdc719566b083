// The venues, each in its own folder: the only room that knows wire words. Bytes to events and back, and the sockets.
export { Catalog, type CatalogAnswer, type CatalogOptions, type CatalogProblem } from "./polymarket/catalog.ts";
export { Inquirer, type InquirerOptions } from "./polymarket/catalog-inquirer.ts";
export { Decoder, decodeBookAnswer } from "./polymarket/decoder.ts";
export * from "./polymarket/encode.ts";
export { spacedJson } from "./polymarket/encode-text.ts";
export { Feed, type FeedOptions, type FeedState } from "./polymarket/feed.ts";
export * from "./polymarket/feed-plan.ts";
export { decodeGamma, type GammaAnswer } from "./polymarket/gamma.ts";
export { type BookAnswer, Rest, type RestOptions, windowOfPricesUrl } from "./polymarket/rest.ts";
export * from "./polymarket/rest-answers.ts";
export * from "./polymarket/series.ts";
export { COMMON_SPELLINGS, Speller, type Spelling, spellingOf } from "./polymarket/spelling.ts";
export * from "./polymarket/subscribe.ts";
export { type Surface, surfaceOf } from "./polymarket/surface.ts";
export { formatTarget, parseTarget, type Target } from "./polymarket/targets.ts";
export * from "./polymarket/trading.ts";
export * from "./polymarket/venue-config.ts";
export * from "./polymarket/wire-requests.ts";
