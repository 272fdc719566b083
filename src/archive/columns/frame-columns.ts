import type { ConnectionId, MonotonicMicros, Seq, UnixMicros } from "#model";
import { NO_MONOTONIC } from "#model";
import type { ChunkFrame, ChunkMessage } from "../chunk.ts";
import type { ColumnOf } from "./event-reader.ts";
import type { Columns } from "./event-writer.ts";

/*
 * Messages: `known` knownAt, as step from the message before; `seq` step - 1; `early` knownAt - receivedAt of
 * the frame that showed it first. Frames, in the order of their seq: `connection` its place in head's list; `frameMessage`
 * step from the message that this connection showed last, less 1; `frameSeq` 0 where it is the message's own, else step from
 * the frame before; `frameAt` receivedAt, from the message's; `monotonic` its difference to receivedAt, from the frame
 * before's. All but `connection` are signed or begin with 0 for "as expected", so that an undisturbed stream is all zeros.
 */

/** @returns for each message, when the frame that showed it first was received. @throws RangeError where knownAt falls. */
export function writeMessageTimes(
  columns: Columns,
  messages: readonly ChunkMessage[],
  frames: readonly ChunkFrame[],
): number[] {
  const receivedAts: number[] = messages.map(({ knownAt }) => knownAt);
  for (const { message, seq, receivedAt } of frames)
    if (messages[message]?.seq === seq) receivedAts[message] = receivedAt;
  let seqBefore = -1;
  let knownBefore = 0;
  messages.forEach(({ seq, knownAt }, index) => {
    columns.known.unsigned(knownAt - knownBefore);
    knownBefore = knownAt;
    columns.seq.signed(seq - seqBefore - 1);
    seqBefore = seq;
    columns.early.signed(knownAt - (receivedAts[index] as number));
  });
  return receivedAts;
}

export interface MessageTimes {
  readonly knownAt: UnixMicros;
  readonly seq: Seq;
  readonly receivedAt: UnixMicros;
}

/** The times of one message after the other. */
export class MessageTimesReader {
  readonly #known;
  readonly #seq;
  readonly #early;
  knownAt = 0 as UnixMicros;
  seq = -1 as Seq;
  receivedAt = 0 as UnixMicros;

  constructor(column: ColumnOf) {
    this.#known = column("known");
    this.#seq = column("seq");
    this.#early = column("early");
  }

  read(): void {
    this.knownAt = (this.knownAt + this.#known.unsigned()) as UnixMicros;
    this.seq = (this.seq + 1 + this.#seq.signed()) as Seq;
    this.receivedAt = (this.knownAt - this.#early.signed()) as UnixMicros;
  }
}

export function connectionsOf(frames: readonly ChunkFrame[]): ConnectionId[] {
  return [...new Set(frames.map(({ connection }) => connection))];
}

export function writeFrames(
  columns: Columns,
  frames: readonly ChunkFrame[],
  messages: readonly ChunkMessage[],
  receivedAts: readonly number[],
  connections: readonly ConnectionId[],
): void {
  const places = new Map(connections.map((connection, place) => [connection, place]));
  const shown: number[] = connections.map(() => -1);
  let seqBefore = -1;
  let offset = 0;
  for (const { seq, connection, receivedAt, monotonicAt, message } of frames) {
    const place = places.get(connection) as number;
    columns.connection.unsigned(place);
    columns.frameMessage.signed(message - (shown[place] as number) - 1);
    shown[place] = message;
    const isFirst = messages[message]?.seq === seq;
    columns.frameSeq.unsigned(isFirst ? 0 : seq - seqBefore);
    seqBefore = seq;
    columns.frameAt.signed(receivedAt - (receivedAts[message] as number));
    if (monotonicAt === NO_MONOTONIC) columns.monotonic.unsigned(1);
    else {
      const step = monotonicAt - receivedAt - offset;
      columns.monotonic.unsigned(step === 0 ? 0 : step < 0 ? -step * 2 + 1 : step * 2);
      offset += step;
    }
  }
}

export function readFrames(
  column: ColumnOf,
  times: readonly MessageTimes[],
  connections: readonly ConnectionId[],
): ChunkFrame[] {
  const [places, messages, seqs, ats, monotonics] = [
    column("connection"),
    column("frameMessage"),
    column("frameSeq"),
    column("frameAt"),
    column("monotonic"),
  ];
  const frames: ChunkFrame[] = [];
  const shown: number[] = connections.map(() => -1);
  let seq = -1;
  let offset = 0;
  while (!places.isAtEnd) {
    const place = places.unsigned();
    const connection = connections[place];
    const message = (shown[place] ?? -1) + 1 + messages.signed();
    const time = times[message];
    if (connection === undefined || time === undefined) throw new RangeError("damaged chunk: a frame of nothing");
    shown[place] = message;
    const step = seqs.unsigned();
    seq = step === 0 ? time.seq : seq + step;
    const receivedAt = (time.receivedAt + ats.signed()) as UnixMicros;
    const word = monotonics.unsigned();
    if (word !== 1) offset += word % 2 === 0 ? word / 2 : -(word - 1) / 2;
    const monotonicAt = (word === 1 ? NO_MONOTONIC : receivedAt + offset) as MonotonicMicros;
    frames.push({ seq: seq as Seq, connection, receivedAt, monotonicAt, message });
  }
  return frames;
}
