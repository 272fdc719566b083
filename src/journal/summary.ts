import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Seq, UnixMicros } from "#model";
import type { Damage } from "./errors.ts";
import type { BlockGroup, BlockHeader } from "./layout.ts";
import type { DurableMark } from "./mark.ts";
import { readFooter, readSegmentHeader, scanSegment } from "./scan.ts";
import { FooterBuilder } from "./segment-writer.ts";
import type { SegmentFile } from "./segments.ts";
import { walkSegment } from "./walk.ts";

/** What a reader needs to know of a segment before it opens any block. */
export interface SegmentSummary {
  readonly segment: SegmentFile;
  readonly salt: Buffer | null;
  /** The seq that was due when it began. */
  readonly follows: Seq;
  readonly nextSeq: Seq;
  readonly frames: number;
  /** Over all frames; clocks jump, so the first and last frame say nothing. null without frames. */
  readonly receivedAt: { readonly min: UnixMicros; readonly max: UnixMicros } | null;
  readonly groups: readonly BlockGroup[];
  /** Where the blocks end. */
  readonly end: number;
  readonly bytes: number;
  /** A sealed segment never changes again. */
  readonly sealed: boolean;
  readonly damage: readonly Damage[];
}

/** By the footer where there is one (two reads), by walking the segment where not. */
export async function summarize(
  directory: string,
  segment: SegmentFile,
  mark: DurableMark | null,
): Promise<SegmentSummary> {
  return (await bySealing(directory, segment)) ?? (await new GrowingSegment(directory, segment).summarize(mark));
}

async function bySealing(directory: string, segment: SegmentFile): Promise<SegmentSummary | undefined> {
  const handle = await open(join(directory, segment.name), "r");
  try {
    const bytes = (await handle.stat()).size;
    const header = await readSegmentHeader(handle);
    const found = header && (await readFooter(handle, bytes, header.salt));
    if (header === undefined || found === undefined) return undefined;
    const { footer, offset } = found;
    const { groups, nextSeq, frames } = footer;
    const receivedAt = frames > 0 ? { min: footer.minReceivedAt, max: footer.maxReceivedAt } : null;
    const { salt, follows } = header;
    return {
      segment,
      salt,
      follows,
      nextSeq,
      frames,
      receivedAt,
      groups,
      end: offset,
      bytes,
      sealed: true,
      damage: [],
    };
  } finally {
    await handle.close();
  }
}

/** A segment without a footer: walked once, then only what came since. */
class GrowingSegment {
  readonly #directory: string;
  readonly #segment: SegmentFile;
  readonly #footer: FooterBuilder;
  readonly #damage: Damage[] = [];
  #salt: Buffer | null = null;
  #follows: Seq;
  #end = 0;

  constructor(directory: string, segment: SegmentFile) {
    this.#directory = directory;
    this.#segment = segment;
    this.#footer = new FooterBuilder(segment.firstSeq);
    this.#follows = segment.firstSeq;
  }

  async summarize(mark: DurableMark | null): Promise<SegmentSummary> {
    if (this.#end === 0 || this.#damage.length > 0) await this.#walk(mark);
    else await this.#goOn(mark);
    const { groups, nextSeq, frames, minReceivedAt, maxReceivedAt } = this.#footer.footer();
    return {
      segment: this.#segment,
      salt: this.#salt,
      follows: this.#follows,
      nextSeq,
      frames,
      receivedAt: frames > 0 ? { min: minReceivedAt, max: maxReceivedAt } : null,
      groups,
      end: this.#end,
      bytes: (await stat(join(this.#directory, this.#segment.name))).size,
      sealed: false,
      damage: [...this.#damage],
    };
  }

  async #walk(mark: DurableMark | null): Promise<void> {
    const done = this.#footer.footer().nextSeq;
    this.#damage.length = 0;
    for await (const item of walkSegment(this.#directory, this.#segment, { due: null, mark, live: true })) {
      if (item.kind === "header") {
        this.#salt = item.salt;
        this.#follows = item.follows;
      }
      if (item.kind === "damage") this.#damage.push(item.damage);
      if (item.kind !== "block") continue;
      if (mark !== null && item.header.firstSeq >= mark.nextSeq) break;
      if (item.header.firstSeq >= done) this.#add(item.offset, item.header, item.bytes.length);
    }
  }

  /** What lies beyond the mark may be half written, and is not looked at. */
  async #goOn(mark: DurableMark | null): Promise<void> {
    const handle = await open(join(this.#directory, this.#segment.name), "r");
    let whole = true;
    try {
      const writing = mark !== null && mark.segment === this.#segment.firstSeq;
      const limit = writing ? mark.offset : (await handle.stat()).size;
      const { nextSeq } = this.#footer.footer();
      for await (const item of scanSegment(handle, { from: this.#end, limit, nextSeq, salt: this.#salt })) {
        if (item.kind !== "block") whole = item.kind === "footer" || (item.kind === "tail" && !writing);
        else if (mark === null || item.header.firstSeq < mark.nextSeq) {
          this.#add(item.offset, item.header, item.bytes.length);
        } else break;
        if (!whole) break;
      }
    } finally {
      await handle.close();
    }
    if (!whole) await this.#walk(mark);
  }

  #add(offset: number, header: BlockHeader, length: number): void {
    this.#footer.add(offset, header);
    this.#end = offset + length;
  }
}

/** Summaries as they change: what is sealed is looked at once, what grows only where it grew. */
export class SummaryCache {
  readonly #directory: string;
  readonly #sealed = new Map<string, SegmentSummary>();
  readonly #growing = new Map<string, GrowingSegment>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  async summarize(segment: SegmentFile, mark: DurableMark | null): Promise<SegmentSummary> {
    const known = this.#sealed.get(segment.name);
    if (known !== undefined) return known.segment.endsBefore === segment.endsBefore ? known : { ...known, segment };
    const sealed = await bySealing(this.#directory, segment);
    if (sealed !== undefined) {
      this.#growing.delete(segment.name);
      this.#sealed.set(segment.name, sealed);
      return sealed;
    }
    let growing = this.#growing.get(segment.name);
    // A segment that has got a successor is judged anew: what it holds from there on is void.
    if (growing === undefined || segment.endsBefore !== null) growing = new GrowingSegment(this.#directory, segment);
    this.#growing.set(segment.name, growing);
    return growing.summarize(mark);
  }

  /** Forgets segments that are no more. */
  keep(segments: readonly SegmentFile[]): void {
    const names = new Set(segments.map(({ name }) => name));
    for (const cache of [this.#sealed, this.#growing]) {
      for (const name of cache.keys()) if (!names.has(name)) cache.delete(name);
    }
  }
}
