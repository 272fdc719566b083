// What concerns an account at the venue: who it is, its orders, and what it is told of them.
export * from "./auth-check.ts";
export * from "./orders-answers.ts";
export * from "./orders-wire.ts";
