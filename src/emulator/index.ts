// The venue turned round: an invented or a recorded market, served over the venue's own protocols.
export type { EmulatorControl, Pace, PlayableMarket, PlaybackState } from "./control/playback.ts";
export { type FramesFileOptions, type FramesFileSource, framesFileSource } from "./recorded/frames-file-source.ts";
export { type RecordingSource, type RecordingSourceOptions, recordingSource } from "./recorded/recording-source.ts";
export { type Emulator, type EmulatorOptions, startEmulator } from "./server/emulator.ts";
export type { Injection, InjectionRecord, SocketSurface } from "./server/injections.ts";
export { type BookAnswer, type EmulatedItem, type EmulatorSource, MomentOutside } from "./source.ts";
export {
  createSyntheticMarket,
  createSyntheticMarket as syntheticSource,
  type SyntheticMarket,
  type SyntheticOptions,
} from "./synthetic/synthetic-market.ts";
export type { TradingOptions } from "./trading/trading.ts";
