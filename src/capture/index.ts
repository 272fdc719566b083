// Keeps feeds alive, rolls from window to window, puts every frame into the journal, and records each gap.
export { PLAN_DEFAULTS, type PlanOptions } from "./plan.ts";
