import type { BookSnapshot, Digest, Level, UnixMicros } from "#model";
import { MINUTE, SECOND } from "#model";
import type { Phase } from "./plan.ts";

/*
 * A book that does not move is either quiet or frozen, and nothing on its own socket tells which: PONGs flow on a frozen
 * one (reference §1.10). Two witnesses can tell: the other replica, and the REST book. REST lies too, by showing an
 * older book, so its timestamp is compared before its contents.
 */

/** What one replica has shown of an instrument. Times are of the recorder's clock unless they say otherwise. */
export interface Sighting {
  readonly replica: string;
  /** When this connection was asked for the instrument; null where it is not connected. */
  readonly subscribedAt: UnixMicros | null;
  /** When the last frame of the instrument came since then; null before the first. */
  readonly lastFrameAt: UnixMicros | null;
  /** Venue time of the book as this replica has it; null before the first. */
  readonly sentAt: UnixMicros | null;
  /** Since when another replica has shown a newer book while this one showed nothing at all. */
  readonly behindSince: UnixMicros | null;
  /** When the last remedy was tried on it, and how many since its last frame. */
  readonly remedyAt: UnixMicros | null;
  readonly remedies: number;
}

export interface WitnessOptions {
  /** A token that has not delivered its first book by then is asked for again. */
  readonly firstBook: number;
  /** How long a replica may stand behind what the other shows. */
  readonly peerDelay: number;
  /** All replicas silent for so long: REST is asked. By what the market is doing. */
  readonly silence: Readonly<Record<"opening" | "active" | "settling", number>>;
  /** REST must be newer by more than this: its answer overtakes frames that are on their way. */
  readonly margin: number;
  /** What the first remedy is given to work; twice as long for each further one. */
  readonly remedyWait: number;
}

export const WITNESS_DEFAULTS: WitnessOptions = {
  firstBook: 15 * SECOND,
  peerDelay: 3 * SECOND,
  // Recorded books of active windows were silent for up to 13.8 s with nothing lost (reference §1.8): asking costs one
  // REST call, and only the answer can call a socket frozen.
  silence: { opening: MINUTE, active: 10 * SECOND, settling: 30 * SECOND },
  margin: SECOND,
  remedyWait: 5 * SECOND,
};

export type Suspicion =
  | { readonly kind: "none" }
  /** These replicas are behind one that moved, or never delivered a first book although another did. */
  | { readonly kind: "behind"; readonly replicas: readonly string[]; readonly evidence: string }
  /** Nobody moves: the REST book has to be asked. `since` is when the silence began. */
  | { readonly kind: "silent"; readonly since: UnixMicros };

const NONE: Suspicion = { kind: "none" };

export function suspect(
  sightings: readonly Sighting[],
  phase: Phase,
  now: UnixMicros,
  options: WitnessOptions,
): Suspicion {
  const connected = sightings.filter((sighting) => sighting.subscribedAt !== null);
  // Disconnected is no question of quiet or frozen; after the resolution silence is what is expected.
  if (connected.length === 0 || !(phase === "opening" || phase === "active" || phase === "settling")) return NONE;
  const newest = newestOf(connected);
  const behind = connected.filter((each) => each !== newest && isBehind(each, newest, now, options));
  if (behind.length > 0) {
    return { kind: "behind", replicas: behind.map((each) => each.replica), evidence: behindness(behind, newest, now) };
  }
  const since = Math.max(...connected.map((each) => each.lastFrameAt ?? each.subscribedAt!)) as UnixMicros;
  const patience = newest.lastFrameAt === null ? firstBookWait(newest, options) : options.silence[phase];
  return now - since > patience ? { kind: "silent", since } : NONE;
}

/** The replica whose book is the latest by venue time. `sightings` must not be empty. */
export function newestOf<S extends Pick<Sighting, "sentAt">>(sightings: readonly S[]): S {
  return sightings.reduce((best, each) => ((each.sentAt ?? -1) > (best.sentAt ?? -1) ? each : best));
}

/**
 * `behindSince` of a replica, `now`. On a lively book one replica is always a frame ahead for some milliseconds, so
 * whoever shows any frame is not behind, however old: it is late, not frozen.
 */
export function behindSince(each: Sighting, newest: Sighting, now: UnixMicros): UnixMicros | null {
  if (each.sentAt === null || newest.sentAt === null || each.sentAt >= newest.sentAt) return null;
  const since = each.behindSince ?? now;
  return each.lastFrameAt !== null && each.lastFrameAt > since ? now : since;
}

function isBehind(each: Sighting, newest: Sighting, now: UnixMicros, options: WitnessOptions): boolean {
  if (newest.lastFrameAt === null || !mayAct(each, now, options)) return false;
  if (each.lastFrameAt === null) return now - each.subscribedAt! > firstBookWait(each, options);
  return each.behindSince !== null && now - each.behindSince > options.peerDelay;
}

/** After a remedy the first book should come at once. */
function firstBookWait({ remedies }: Sighting, { firstBook, remedyWait }: WitnessOptions): number {
  return remedies === 0 ? firstBook : Math.min(firstBook, remedyWait);
}

/** False while the last remedy has not had its time. */
export function mayAct({ remedyAt, remedies }: Sighting, now: UnixMicros, { remedyWait }: WitnessOptions): boolean {
  const doublings = Math.min(Math.max(0, remedies - 1), MOST_DOUBLINGS);
  return remedyAt === null || now - remedyAt >= remedyWait * 2 ** doublings;
}

/** A token that will not be rescued is tried ever more rarely, but never given up. */
const MOST_DOUBLINGS = 5;

function behindness(behind: readonly Sighting[], newest: Sighting, now: UnixMicros): string {
  const each = behind.map(({ replica, sentAt, subscribedAt }) =>
    sentAt === null
      ? `replica ${replica} has shown no book for ${seconds(now - subscribedAt!)}`
      : `replica ${replica} stands ${seconds(newest.sentAt! - sentAt)} behind replica ${newest.replica}`,
  );
  return each.join("; ");
}

/** Our book as the freshest replica has it; null where none was ever shown. */
export interface OurBook {
  readonly sentAt: UnixMicros;
  readonly digest: Digest;
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
}

export type RestWord =
  | { readonly kind: "book"; readonly book: BookSnapshot }
  | { readonly kind: "absent" }
  | { readonly kind: "failed"; readonly why: string };

/**
 * - quiet: the silence is the market's
 * - frozen: it is the socket's
 * - stale: the witness is behind us; this says nothing about the socket, and something about the witness
 * - early: it is ahead by less than what may be on its way to us; ask again
 * - unheard: no answer
 */
export interface Testimony {
  readonly finding: "quiet" | "frozen" | "stale" | "early" | "unheard";
  readonly evidence: string;
}

export function judgeWitness(ours: OurBook | null, word: RestWord, options: WitnessOptions): Testimony {
  if (word.kind === "failed") return { finding: "unheard", evidence: `REST did not answer: ${word.why}` };
  if (word.kind === "absent") return { finding: "quiet", evidence: "REST knows no book of it either" };
  const { book } = word;
  if (!ours) {
    return {
      finding: "frozen",
      evidence: `REST has a book of venue time ${book.sentAt}, the sockets never showed one`,
    };
  }
  const ahead = book.sentAt - ours.sentAt;
  const figures = `REST book of venue time ${book.sentAt}, ours of ${ours.sentAt}`;
  if (ahead < 0) return { finding: "stale", evidence: `${figures}: REST is ${seconds(-ahead)} behind` };
  if (book.digest === ours.digest) return { finding: "quiet", evidence: `${figures}: the same digest` };
  if (sameLevels(book.bids, ours.bids) && sameLevels(book.asks, ours.asks)) {
    return { finding: "quiet", evidence: `${figures}: the same levels` };
  }
  if (ahead <= options.margin) return { finding: "early", evidence: `${figures}: it may be on its way` };
  return { finding: "frozen", evidence: `${figures}: REST is ${seconds(ahead)} ahead and differs` };
}

function sameLevels(a: readonly Level[], b: readonly Level[]): boolean {
  return (
    a.length === b.length && a.every((level, index) => level.price === b[index]!.price && level.size === b[index]!.size)
  );
}

function seconds(micros: number): string {
  return `${(micros / SECOND).toFixed(1)} s`;
}

export type Remedy = "redrive" | "reconnect";

/**
 * Unsubscribe and subscribe is cheap and mostly enough (nautilus_trader#4901: about 55 %). A new socket costs the books
 * of all its tokens a moment, so it is tried twice and no more for one instrument.
 */
export function remedyAfter(remedies: number): Remedy {
  return remedies === 1 || remedies === 3 ? "reconnect" : "redrive";
}
