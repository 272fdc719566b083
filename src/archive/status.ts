import type { JournalSpan } from "#journal";
import type { MarketId, Seq, UnixMicros } from "#model";
import type { ArchiveReader } from "./archive.ts";

/** What of a recurring series the archive takes, measured on its windows. */
export interface WindowSizes {
  readonly series: string;
  /** Windows that the archive has books of. */
  readonly windows: number;
  readonly bytesPerWindow: number;
  readonly frameBytesPerWindow: number;
  readonly messagesPerWindow: number;
}

export interface ArchiveStatus {
  readonly packs: number;
  readonly firstSeq: Seq | null;
  readonly lastSeq: Seq | null;
  readonly firstReceivedAt: UnixMicros | null;
  readonly lastReceivedAt: UnixMicros | null;
  readonly markets: number;
  readonly instruments: number;
  readonly frames: number;
  readonly messages: number;
  readonly levelChanges: number;
  /** As received, and as packed. */
  readonly frameBytes: number;
  readonly bytes: number;
  /** Of the frames that belong to no single market. */
  readonly restFrames: number;
  readonly restBytes: number;
  /** Messages and digests that had to be kept as they are. */
  readonly rawMessages: number;
  readonly rawDigests: number;
  readonly windows: readonly WindowSizes[];
  readonly gaps: number;
  /** Frames that are only in the journal yet. */
  readonly onlyInJournal: number;
  /** Frames that neither has any more: deleted before they were packed. */
  readonly missing: number;
}

/** The figures of an archive, beside its journal where there is one. */
export function readArchiveStatus(archive: ArchiveReader, journal: JournalSpan | null): ArchiveStatus {
  const { index, span } = archive;
  const packs = index.packs();
  const sum = (of: (pack: (typeof packs)[number]) => number): number =>
    packs.reduce((total, pack) => total + of(pack), 0);
  const spans = index.spans();
  const markets = new Set(spans.map(({ market }) => market));
  const between = packs.reduce((holes, pack, place) => {
    const before = packs[place - 1];
    return before ? holes + (pack.firstSeq - before.lastSeq - 1) : holes;
  }, 0);
  const end = span?.lastSeq ?? -1;
  return {
    packs: packs.length,
    firstSeq: span?.firstSeq ?? null,
    lastSeq: span?.lastSeq ?? null,
    firstReceivedAt: span?.firstReceivedAt ?? null,
    lastReceivedAt: span?.lastReceivedAt ?? null,
    markets: markets.size,
    instruments: index.instruments().filter(({ market }) => markets.has(market)).length,
    frames: sum(({ frames }) => frames),
    messages: sum(({ messages }) => messages),
    levelChanges: sum(({ levelChanges }) => levelChanges),
    frameBytes: sum(({ frameBytes }) => frameBytes),
    bytes: sum(({ bytes }) => bytes),
    restFrames: sum(({ restFrames }) => restFrames),
    restBytes: sum(({ restBytes }) => restBytes),
    rawMessages: sum(({ rawMessages }) => rawMessages),
    rawDigests: sum(({ rawDigests }) => rawDigests),
    windows: windowSizes(archive),
    gaps: index.gaps().length,
    onlyInJournal: journal === null ? 0 : Math.max(0, journal.lastSeq - Math.max(end, journal.firstSeq - 1)),
    missing: between + (journal !== null && span !== null ? Math.max(0, journal.firstSeq - end - 1) : 0),
  };
}

function windowSizes({ index }: ArchiveReader): WindowSizes[] {
  const sizes = new Map<MarketId, { bytes: number; frameBytes: number; messages: number }>();
  for (const { market, bytes, frameBytes, messages } of index.spans()) {
    const size = sizes.get(market) ?? { bytes: 0, frameBytes: 0, messages: 0 };
    size.bytes += bytes;
    size.frameBytes += frameBytes;
    size.messages += messages;
    sizes.set(market, size);
  }
  const bySeries = Map.groupBy(
    index.windows().filter(({ series, market }) => series !== null && sizes.has(market)),
    ({ series }) => series!,
  );
  return [...bySeries].map(([series, windows]) => {
    const mean = (of: (size: { bytes: number; frameBytes: number; messages: number }) => number): number =>
      Math.round(windows.reduce((total, { market }) => total + of(sizes.get(market)!), 0) / windows.length);
    return {
      series,
      windows: windows.length,
      bytesPerWindow: mean(({ bytes }) => bytes),
      frameBytesPerWindow: mean(({ frameBytes }) => frameBytes),
      messagesPerWindow: mean(({ messages }) => messages),
    };
  });
}
