import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSyntheticMarket, type EmulatedItem, type SyntheticMarket } from "#emulator";
import { type Random, seededRandom, systemClock } from "#host";
import { openJournal } from "#journal";
import type { ConnectionId, Frame, FrameKind, Gap, InstrumentId, MonotonicMicros, Seq, UnixMicros } from "#model";
import { encodeExchange, MILLISECOND, MINUTE, parseTime, SECOND } from "#model";
import { encodeBookDump, encodeGammaGroups, encodePolyBoltUpdate } from "#venue";

/*
 * A recording with nothing but a seed behind it, so that the examples run offline and at once: the synthetic market as two
 * redundant sockets would have received it, one a little later than the other and not quite whole, with the catalog's
 * answers, reference prices, and an outage of one and of both sockets.
 */

export interface RecordingOptions {
  readonly seed: number;
  readonly startsAt: UnixMicros;
  readonly seconds: number;
  /** Share of the frames that the second socket never gets. */
  readonly loss: number;
  /** False: one socket alone. */
  readonly redundant: boolean;
  /** Seconds after the start at which both sockets are gone for 3 s; null: never. */
  readonly outageAt: number | null;
  readonly activity: number;
}

const DEFAULTS: RecordingOptions = {
  seed: 7,
  startsAt: ((parseTime("2026-11-22T14:00:00Z") ?? 0) - MINUTE) as UnixMicros,
  seconds: 240,
  loss: 0.01,
  redundant: true,
  outageAt: 150,
  activity: 0.2,
};

type MarketFrame = Extract<EmulatedItem, { kind: "market" }>;
type Arrival = Omit<Frame, "seq" | "monotonicAt">;
const A = "market-a-0" as ConnectionId;
const B = "market-b-0" as ConnectionId;
const OUTAGE = 3 * SECOND;
const BETWEEN_ANSWERS = 30 * SECOND;

/** Frames in the order of their arrival. The same options give the same bytes. */
export async function syntheticFrames(given: Partial<RecordingOptions> = {}): Promise<Frame[]> {
  const options = { ...DEFAULTS, ...given };
  const made = new Arrivals(options);
  await made.run();
  const sorted = made.all.sort((a, b) => a.receivedAt - b.receivedAt);
  return sorted.map((arrival, seq) => ({
    ...arrival,
    seq: seq as Seq,
    monotonicAt: (arrival.receivedAt - options.startsAt + 1) as MonotonicMicros,
  }));
}

/** Writes frames into the journal of a data folder, a new one in the system's temporary folder by default. */
export async function writeRecording(frames: readonly Frame[], folder?: string): Promise<string> {
  const data = folder ?? mkdtempSync(join(tmpdir(), "polypunt-example-"));
  const journal = await openJournal({ directory: join(data, "journal"), clock: systemClock() });
  for (const [index, frame] of frames.entries()) {
    journal.append(frame);
    // What may wait to be durable is bounded.
    if (index % 10_000 === 0) await journal.flush();
  }
  await journal.close();
  return data;
}

class Arrivals {
  readonly all: Arrival[] = [];
  readonly #options: RecordingOptions;
  readonly #random: Random;
  readonly #market: SyntheticMarket;
  readonly #subscribed = new Set<InstrumentId>();
  #answerAt: number;
  #ticks = 0;

  constructor(options: RecordingOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#answerAt = options.startsAt;
    this.#market = createSyntheticMarket({
      seed: options.seed,
      startsAt: options.startsAt,
      series: ["btc-updown-5m"],
      aheadMicros: 10 * MINUTE,
      activity: options.activity,
    });
  }

  async run(): Promise<void> {
    const { startsAt, seconds, outageAt } = this.#options;
    this.#add("recorder", "session", startsAt, { phase: "started", version: "synthetic", pid: 1, host: "none" });
    this.#connect(startsAt);
    const goneAt = outageAt === null ? Number.POSITIVE_INFINITY : startsAt + outageAt * SECOND;
    let phase: "before" | "gone" | "after" = "before";
    for (;;) {
      const at = this.#market.nextAt();
      if (at === null && (await this.#market.prepare())) continue;
      if (at === null || at >= startsAt + seconds * SECOND) return;
      if (phase === "before" && at >= goneAt) {
        phase = "gone";
        this.#lose(goneAt as UnixMicros);
      }
      if (phase === "gone" && at >= goneAt + OUTAGE) {
        phase = "after";
        this.#regain(goneAt as UnixMicros, (goneAt + OUTAGE) as UnixMicros);
      }
      if (at >= this.#answerAt) this.#answer(at);
      for (const item of this.#market.step()) {
        if (item.kind === "market" && phase !== "gone") this.#receive(item, at);
        else if (item.kind === "reference") this.#price(encodePolyBoltUpdate(item.price, ++this.#ticks), at);
      }
    }
  }

  get #sockets(): readonly ConnectionId[] {
    return this.#options.redundant ? [A, B] : [A];
  }

  #subscribe(at: UnixMicros): void {
    const instruments = [...this.#market.markets()].flatMap((market) => market.outcomes.map((each) => each.instrument));
    const open = instruments.filter((instrument) => this.#market.book(instrument).kind === "open");
    const answers = open.map((instrument) => this.#market.book(instrument));
    const bytes = encodeBookDump(answers.flatMap((answer) => (answer.kind === "open" ? [answer.book] : [])));
    for (const instrument of open) this.#subscribed.add(instrument);
    for (const socket of this.#sockets) this.all.push({ connection: socket, kind: "received", receivedAt: at, bytes });
  }

  #connect(at: UnixMicros): void {
    for (const socket of this.#sockets) this.#add(socket, "opened", at, { url: "wss://synthetic", attempt: 1 });
    this.#subscribed.clear();
  }

  /** A book is subscribed when the market first says something of it. */
  #receive({ bytes, instruments }: MarketFrame, at: UnixMicros): void {
    if (instruments.some((instrument) => !this.#subscribed.has(instrument))) this.#subscribe(at);
    for (const socket of this.#sockets) {
      if (socket === B && this.#random.next() < this.#options.loss) continue;
      const way = socket === A ? 1 + this.#random.next() : 2 + 3 * this.#random.next();
      // A socket does not reorder: a frame arrives no earlier than the one before it.
      const due = Math.max(Math.round(at + way * MILLISECOND), this.#last.get(socket) ?? 0) as UnixMicros;
      this.#last.set(socket, due);
      this.all.push({ connection: socket, kind: "received", receivedAt: due, bytes });
    }
  }

  readonly #last = new Map<ConnectionId, UnixMicros>();

  #price(bytes: Uint8Array, at: UnixMicros): void {
    const receivedAt = (at + 2 * MILLISECOND) as UnixMicros;
    this.all.push({ connection: "polybolt-a-0" as ConnectionId, kind: "received", receivedAt, bytes });
  }

  #answer(at: UnixMicros): void {
    this.#answerAt = at + BETWEEN_ANSWERS;
    const groups = [...this.#market.markets()].map((market) => ({
      slug: market.groupSlug ?? market.slug,
      title: market.question,
      seriesSlug: market.seriesSlug,
      markets: [market],
    }));
    const head = { method: "GET", url: "https://gamma/events?tag_slug=crypto", status: 200 };
    const bytes = encodeExchange(head, encodeGammaGroups(groups));
    this.all.push({ connection: "http-gamma" as ConnectionId, kind: "answered", receivedAt: at, bytes });
  }

  #lose(at: UnixMicros): void {
    const later = (at + 10 * MILLISECOND) as UnixMicros;
    for (const socket of this.#sockets) this.#add(socket, "closed", later, { code: 1006, reason: "", by: "network" });
    this.#gap("opened", later, this.#gapFrom(at, null));
  }

  #regain(from: UnixMicros, at: UnixMicros): void {
    this.#connect(at);
    this.#gap("closed", at, this.#gapFrom(from, at));
  }

  #gapFrom(from: UnixMicros, to: UnixMicros | null): Gap {
    const evidence = "no socket carried it";
    const rest = { connection: null, fromSeq: null, toSeq: null, evidence };
    return { id: `disconnect-${from}`, cause: "disconnect", instruments: [], from, to, ...rest };
  }

  #gap(phase: "opened" | "closed", at: UnixMicros, gap: Gap): void {
    this.#add("recorder", "gap", at, { phase, gap });
  }

  #add(connection: string, kind: FrameKind, receivedAt: UnixMicros, body: unknown): void {
    const bytes = new TextEncoder().encode(JSON.stringify(body));
    this.all.push({ connection: connection as ConnectionId, kind, receivedAt, bytes });
  }
}
