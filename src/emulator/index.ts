// The venue turned round: an invented or a recorded market, served over the venue's own protocols.
export { type FramesFileOptions, type FramesFileSource, framesFileSource } from "./recorded/frames-file-source.ts";
export { type Emulator, type EmulatorOptions, startEmulator } from "./server/emulator.ts";
export type { Injection, InjectionRecord, SocketSurface } from "./server/injections.ts";
export type { BookAnswer, EmulatedItem, EmulatorSource } from "./source.ts";
export {
  createSyntheticMarket,
  createSyntheticMarket as syntheticSource,
  type SyntheticMarket,
  type SyntheticOptions,
} from "./synthetic/synthetic-market.ts";
