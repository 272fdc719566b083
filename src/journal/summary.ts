import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Seq, UnixMicros } from "#model";
import type { Damage } from "./errors.ts";
import type { BlockGroup } from "./layout.ts";
import type { DurableMark } from "./mark.ts";
import { readFooter, readSegmentHeader } from "./scan.ts";
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
  const handle = await open(join(directory, segment.name), "r");
  let bytes: number;
  try {
    bytes = (await handle.stat()).size;
    const header = await readSegmentHeader(handle);
    const found = header && (await readFooter(handle, bytes, header.salt));
    if (header && found) {
      const { footer, offset } = found;
      const receivedAt = footer.frames > 0 ? { min: footer.minReceivedAt, max: footer.maxReceivedAt } : null;
      const { groups, nextSeq, frames } = footer;
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
    }
  } finally {
    await handle.close();
  }
  return { ...(await walkForSummary(directory, segment, mark)), bytes };
}

async function walkForSummary(
  directory: string,
  segment: SegmentFile,
  mark: DurableMark | null,
): Promise<Omit<SegmentSummary, "bytes">> {
  const footer = new FooterBuilder(segment.firstSeq);
  const damage: Damage[] = [];
  let salt: Buffer | null = null;
  let follows = segment.firstSeq;
  let end = 0;
  for await (const item of walkSegment(directory, segment, { due: null, mark })) {
    if (item.kind === "header") ({ salt, follows } = item);
    if (item.kind === "damage") damage.push(item.damage);
    if (item.kind !== "block") continue;
    if (mark !== null && item.header.firstSeq >= mark.nextSeq) break;
    footer.add(item.offset, item.header);
    end = item.offset + item.bytes.length;
  }
  const { groups, nextSeq, frames, minReceivedAt, maxReceivedAt } = footer.footer();
  const receivedAt = frames > 0 ? { min: minReceivedAt, max: maxReceivedAt } : null;
  return { segment, salt, follows, nextSeq, frames, receivedAt, groups, end, sealed: false, damage };
}
