// Keeps feeds alive, rolls from window to window, puts every frame into the journal, and records each gap.
export type { FinishedMarket, Witnessed } from "./market-register.ts";
export type { Phase, PlanOptions } from "./plan.ts";
export { type Capture, type CaptureOptions, startCapture } from "./start-capture.ts";
export type * from "./status.ts";
export type { WitnessOptions } from "./witness.ts";
export type { RoundsOptions, WitnessCounts } from "./witness-rounds.ts";
