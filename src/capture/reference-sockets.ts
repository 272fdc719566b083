import type { Clock, Log } from "#host";
import type { ConnectionId, Market, UnnumberedFrame } from "#model";
import { Feed, type FeedState, planReferenceFeeds, type VenueConfig } from "#venue";

export interface ReferenceSocketsOptions {
  readonly venue: VenueConfig;
  readonly clock: Clock;
  readonly log: Log;
  onFrame(frame: UnnumberedFrame): void;
}

/** The price feeds by which the recorded markets settle. */
export class ReferenceSockets {
  readonly #options: ReferenceSocketsOptions;
  /** A market for each settlement that was ever needed: a feed is not given up between two windows. */
  readonly #needs = new Map<string, Market>();
  readonly #feeds = new Map<ConnectionId, Feed>();
  #changing: Promise<void> = Promise.resolve();
  #closed = false;
  notes: readonly string[] = [];

  constructor(options: ReferenceSocketsOptions) {
    this.#options = options;
  }

  /** True where some market settles by a price that a feed of ours brings. */
  get expected(): boolean {
    return this.#feeds.size > 0;
  }

  need(markets: readonly Market[]): void {
    const before = this.#needs.size;
    for (const market of markets) {
      if (market.settlement.kind !== "other") this.#needs.set(JSON.stringify(market.settlement), market);
    }
    if (this.#needs.size > before) this.#changing = this.#changing.then(() => this.#replan());
  }

  states(): { connection: ConnectionId; state: FeedState }[] {
    return [...this.#feeds].map(([connection, feed]) => ({ connection, state: feed.state }));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#changing;
    await this.#closeAll();
  }

  async #replan(): Promise<void> {
    if (this.#closed) return;
    const { venue, clock, log, onFrame } = this.#options;
    const plan = planReferenceFeeds([...this.#needs.values()], venue);
    // One label is one connection at a time.
    await this.#closeAll();
    for (const note of plan.notes.filter((each) => !this.notes.includes(each))) log.warn({}, note);
    this.notes = plan.notes;
    for (const each of plan.feeds) {
      const feed = new Feed({ ...each, clock, log, onFrame });
      this.#feeds.set(each.connection, feed);
      feed.start();
    }
  }

  async #closeAll(): Promise<void> {
    const closing = [...this.#feeds.values()].map((feed) => feed.close());
    this.#feeds.clear();
    await Promise.all(closing);
  }
}
