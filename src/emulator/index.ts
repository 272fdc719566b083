// The venue turned round: an invented or a recorded market, served over the venue's own protocols.
export type { BookAnswer, EmulatedItem, EmulatorSource } from "./source.ts";
export {
  createSyntheticMarket,
  createSyntheticMarket as syntheticSource,
  type SyntheticMarket,
  type SyntheticOptions,
} from "./synthetic/synthetic-market.ts";
