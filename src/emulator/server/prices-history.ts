import { DAY, HOUR, type InstrumentId, MINUTE, ONE, SECOND, type UnixMicros } from "#model";
import type { MarketHistory } from "../source.ts";
import { type HttpAnswer, json } from "./http-answer.ts";

const INTERVALS: Readonly<Record<string, number>> = {
  "1h": HOUR,
  "6h": 6 * HOUR,
  "1d": DAY,
  "1w": 7 * DAY,
  "1m": 30 * DAY,
  max: Number.POSITIVE_INFINITY,
  all: Number.POSITIVE_INFINITY,
};

/**
 * `/prices-history?market=<token>&interval=1h | startTs=&endTs=&fidelity=<minutes>`: the mids at the ends of minutes, up to
 * now. A minute is the finest step that was ever observed of the venue.
 */
export function answerPricesHistory(query: URLSearchParams, { mids }: MarketHistory, now: UnixMicros): HttpAnswer {
  const span = spanOf(query, now);
  if (typeof span === "string") return json({ error: span }, 400);
  const step = Math.max(1, Math.floor(Number(query.get("fidelity") ?? 1)) || 1) * MINUTE;
  const known = mids.get((query.get("market") ?? "") as InstrumentId) ?? [];
  const history = known
    .filter(({ at }) => at >= span.from && at <= span.to && at % step === 0)
    .map(({ at, mid }) => ({ t: at / SECOND, p: mid / ONE }));
  return json({ history });
}

function spanOf(query: URLSearchParams, now: UnixMicros): { from: number; to: number } | string {
  const [startTs, endTs] = [query.get("startTs"), query.get("endTs")];
  if (startTs !== null || endTs !== null) {
    const from = Number(startTs ?? 0) * SECOND;
    const to = Math.min(now, endTs === null ? now : Number(endTs) * SECOND);
    return Number.isFinite(from) && Number.isFinite(to) ? { from, to } : "invalid filters: 'startTs' and 'endTs'";
  }
  const length = INTERVALS[query.get("interval") ?? "max"];
  return length === undefined ? "invalid filters: 'interval'" : { from: now - length, to: now };
}
