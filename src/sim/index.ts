// What the venue would do with orders of ours, over a recorded book: matching, fees, balances, settlement. Pure.
export { type Cancellation, Exchange, type ExchangeOptions, type RecordedFact, type Submission } from "./exchange.ts";
export { takerFee } from "./fees.ts";
export * from "./order.ts";
