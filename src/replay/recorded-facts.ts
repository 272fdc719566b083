import type { Frame, FrameSource, Gap, GapRecord, InstrumentId, Market, MarketId, Seq, UnixMicros } from "#model";
import { decodeExchange } from "#model";
import { MarketBook } from "#timeline";
import { decodeGamma } from "#venue";

interface Version {
  readonly knownAt: UnixMicros;
  readonly market: Market;
  /** To see whether an answer says anything new. */
  readonly text: string;
}

interface KnownGap {
  readonly knownAt: UnixMicros;
  readonly record: GapRecord;
}

const END = Number.MAX_SAFE_INTEGER as UnixMicros;
const NOBODY: ReadonlySet<InstrumentId> = new Set();

/**
 * What a recording tells besides its books: catalog answers and the gap ledger, each with the moment at which it became
 * known, so that any moment can be asked for what was known then. An answer that says nothing new costs no memory.
 */
export class RecordedFacts {
  readonly #source: FrameSource;
  readonly #versions: Version[] = [];
  readonly #ofMarket = new Map<MarketId, Version[]>();
  readonly #marketOf = new Map<InstrumentId, MarketId>();
  readonly #tags = new Map<string, Set<MarketId>>();
  readonly #gaps: KnownGap[] = [];
  #next = 0 as Seq;
  #learning: Promise<void> | null = null;

  constructor(source: FrameSource) {
    this.#source = source;
  }

  /** Reads what became durable since; the first time all of the recording but its market frames. */
  refresh(): Promise<void> {
    this.#learning ??= this.#readOn().finally(() => {
      this.#learning = null;
    });
    return this.#learning;
  }

  /** Takes a frame from somebody who reads on from the end; what is known already is passed over. */
  learn(frame: Frame): void {
    if (frame.seq < this.#next) return;
    this.#next = (frame.seq + 1) as Seq;
    if (frame.kind === "answered") this.#learnAnswer(frame);
    else if (frame.kind === "gap") this.#learnGap(frame);
  }

  /** The catalog with all that was received up to and including `at`. */
  marketsAt(at: UnixMicros = END): MarketBook {
    const book = new MarketBook();
    for (const { knownAt, market } of this.#versions) if (knownAt <= at) book.add(market);
    return book;
  }

  market(id: MarketId, at: UnixMicros = END): Market | undefined {
    return this.#ofMarket.get(id)?.findLast((version) => version.knownAt <= at)?.market;
  }

  marketOf(instrument: InstrumentId, at: UnixMicros = END): Market | undefined {
    const id = this.#marketOf.get(instrument);
    return id === undefined ? undefined : this.market(id, at);
  }

  /** When the first answer came that named the market. */
  firstKnownAt(id: MarketId): UnixMicros | undefined {
    return this.#ofMarket.get(id)?.[0]?.knownAt;
  }

  /** Whether an answer to a question about the tag named the market. */
  hasTag(id: MarketId, tag: string): boolean {
    return this.#tags.get(tag)?.has(id) ?? false;
  }

  /** Every gap that was written down by `at`, as it was known then. Contradictions are left out: replay finds its own. */
  gapsAt(at: UnixMicros = END): readonly Gap[] {
    const gaps = new Map<string, Gap>();
    for (const { knownAt, record } of this.#gaps) {
      if (knownAt <= at && record.gap.cause !== "contradiction") gaps.set(record.gap.id, record.gap);
    }
    return [...gaps.values()];
  }

  async #readOn(): Promise<void> {
    for await (const frames of this.#source.read({ fromSeq: this.#next, instruments: NOBODY })) {
      for (const frame of frames) this.learn(frame);
    }
  }

  #learnGap({ bytes, receivedAt }: Frame): void {
    const record = parseGap(bytes);
    if (record) this.#gaps.push({ knownAt: receivedAt, record });
  }

  #learnAnswer({ bytes, receivedAt }: Frame): void {
    const answer = decodeExchange(bytes);
    if (answer?.head.status !== 200 || !/\/(events|markets)\b/.test(answer.head.url)) return;
    const tag = /[?&]tag_slug=([^&]+)/.exec(answer.head.url)?.[1];
    for (const market of decodeGamma(answer.body).markets) {
      this.#learnMarket(market, receivedAt);
      if (tag !== undefined) {
        const name = decodeURIComponent(tag);
        const tagged = this.#tags.get(name) ?? new Set();
        this.#tags.set(name, tagged.add(market.id));
      }
    }
  }

  #learnMarket(market: Market, knownAt: UnixMicros): void {
    const versions = this.#ofMarket.get(market.id) ?? [];
    const text = JSON.stringify(market);
    if (versions.at(-1)?.text === text) return;
    const version = { knownAt, market, text };
    versions.push(version);
    this.#versions.push(version);
    this.#ofMarket.set(market.id, versions);
    for (const { instrument } of market.outcomes) this.#marketOf.set(instrument, market.id);
  }
}

export function parseGap(bytes: Uint8Array): GapRecord | undefined {
  try {
    const record = JSON.parse(new TextDecoder().decode(bytes)) as GapRecord;
    return typeof record?.gap?.id === "string" ? record : undefined;
  } catch {
    return undefined;
  }
}
