import type { InstrumentId, UnixMicros } from "#model";
import { MINUTE, SECOND } from "#model";
import type { Carriage, Carried } from "./carriage.ts";
import type { Phase } from "./plan.ts";
import {
  judgeWitness,
  mayAct,
  type OurBook,
  type Remedy,
  type RestWord,
  remedyAfter,
  type Sighting,
  suspect,
  type Testimony,
  type WitnessOptions,
} from "./witness.ts";

/** What the rounds need of the recorder. */
export interface WitnessPorts {
  now(): UnixMicros;
  phaseOf(carried: Carried): Phase;
  /** The freshest book of the live proof; null where none was ever shown. */
  ours(instrument: InstrumentId): OurBook | null;
  /** Asks REST. Never rejects. */
  ask(instrument: InstrumentId): Promise<RestWord>;
  /** Tries a remedy on one replica; false where its socket is not open or may not be closed now. */
  remedy(remedy: Remedy, carried: Carried, replica: string): boolean;
  /** A witness saw the instrument move while no replica did. */
  frozen(carried: Carried, evidence: string): void;
  noted(carried: Carried, testimony: Testimony): void;
}

export interface RoundsOptions extends WitnessOptions {
  /** REST questions a second, and under way at once. What does not fit waits for the next round. */
  readonly asksPerSecond: number;
  readonly asksUnderWay: number;
}

export const ROUNDS_DEFAULTS = { asksPerSecond: 5, asksUnderWay: 8 };

export interface WitnessCounts {
  asked: number;
  quiet: number;
  frozen: number;
  stale: number;
  early: number;
  unheard: number;
  redrives: number;
  reconnects: number;
}

/** A quiet book is asked about ever more rarely, up to this. */
const LONGEST_REST = 2 * MINUTE;

interface Inquiry {
  /** The instrument's frame count when it was last asked about: a frame since then starts it over. */
  frames: number;
  askedAt: UnixMicros;
  rest: number;
}

/**
 * Goes round the instruments about once a second and finds the frozen among the silent. Bounded: at most one inquiry
 * per subscribed instrument, and REST questions within a budget; an active market goes before the others.
 */
export class WitnessRounds {
  readonly counts: WitnessCounts = {
    asked: 0,
    quiet: 0,
    frozen: 0,
    stale: 0,
    early: 0,
    unheard: 0,
    redrives: 0,
    reconnects: 0,
  };
  readonly #ports: WitnessPorts;
  readonly #carriage: Carriage;
  readonly #options: RoundsOptions;
  readonly #inquiries = new Map<InstrumentId, Inquiry>();
  #underWay = 0;
  #budget = 0;
  #lastRoundAt: UnixMicros | null = null;

  constructor(carriage: Carriage, ports: WitnessPorts, options: RoundsOptions) {
    this.#carriage = carriage;
    this.#ports = ports;
    this.#options = options;
  }

  round(): void {
    const now = this.#ports.now();
    this.#refill(now);
    const later: Carried[] = [];
    for (const carried of this.#carriage.all()) {
      const phase = this.#ports.phaseOf(carried);
      const sightings = this.#carriage.sightings(carried, now);
      const suspicion = suspect(sightings, phase, now, this.#options);
      switch (suspicion.kind) {
        case "none":
          break;
        case "behind":
          for (const replica of suspicion.replicas) this.#treat(carried, replica, now);
          break;
        case "silent":
          if (!this.#isDue(carried, now)) break;
          if (phase === "active") this.#inquire(carried, now);
          else later.push(carried);
          break;
      }
    }
    for (const carried of later) this.#inquire(carried, now);
  }

  /** It moves again but has no book to move: asks for one now, whatever was tried while it was frozen. */
  thawed(instrument: InstrumentId, replica: string): void {
    const carried = this.#carriage.of(instrument);
    const leg = carried?.legs.find((each) => each.replica === replica);
    const now = this.#ports.now();
    if (!carried || !leg || (leg.remedyAt !== null && now - leg.remedyAt < this.#options.remedyWait)) return;
    if (!this.#ports.remedy("redrive", carried, replica)) return;
    this.#carriage.remedied(instrument, replica, now);
    this.counts.redrives++;
  }

  forget(instrument: InstrumentId): void {
    this.#inquiries.delete(instrument);
  }

  #refill(now: UnixMicros): void {
    const { asksPerSecond } = this.#options;
    const elapsed = this.#lastRoundAt === null ? SECOND : Math.max(0, now - this.#lastRoundAt);
    this.#budget = Math.min(asksPerSecond * 4, this.#budget + (elapsed / SECOND) * asksPerSecond);
    this.#lastRoundAt = now;
  }

  #isDue(carried: Carried, now: UnixMicros): boolean {
    const inquiry = this.#inquiries.get(carried.instrument);
    return !inquiry || inquiry.frames !== carried.frames || now - inquiry.askedAt >= inquiry.rest;
  }

  #inquire(carried: Carried, now: UnixMicros): void {
    if (this.#budget < 1 || this.#underWay >= this.#options.asksUnderWay) return;
    this.#budget--;
    this.#underWay++;
    this.counts.asked++;
    const previous = this.#inquiries.get(carried.instrument);
    const again = previous?.frames === carried.frames ? previous : undefined;
    const rest = Math.min(LONGEST_REST, again ? again.rest * 2 : this.#options.silence.active);
    this.#inquiries.set(carried.instrument, { frames: carried.frames, askedAt: now, rest });
    void this.#hear(carried, carried.frames);
  }

  async #hear(carried: Carried, frames: number): Promise<void> {
    const word = await this.#ports.ask(carried.instrument);
    this.#underWay--;
    // It left the recording, or moved while the question was on its way: the silence is over.
    if (this.#carriage.of(carried.instrument) !== carried || carried.frames !== frames) return;
    const testimony = judgeWitness(this.#ports.ours(carried.instrument), word, this.#options);
    this.counts[testimony.finding]++;
    this.#ports.noted(carried, testimony);
    const inquiry = this.#inquiries.get(carried.instrument);
    switch (testimony.finding) {
      case "quiet":
      case "stale":
      case "unheard":
        return;
      case "early":
        if (inquiry) inquiry.rest = 2 * this.#options.margin;
        return;
      case "frozen":
        if (inquiry) inquiry.rest = this.#options.remedyWait;
        this.#ports.frozen(carried, testimony.evidence);
        this.#treatAll(carried);
    }
  }

  /** Nobody delivers: asking again costs nothing on any socket, but one at least of them has to stay open. */
  #treatAll(carried: Carried): void {
    const now = this.#ports.now();
    let reconnecting = false;
    for (const { replica, remedies } of this.#carriage.sightings(carried, now)) {
      if (remedyAfter(remedies) === "reconnect" && reconnecting) continue;
      const done = this.#treat(carried, replica, now);
      reconnecting ||= done === "reconnect";
    }
  }

  #treat(carried: Carried, replica: string, now: UnixMicros): Remedy | null {
    const sighting = this.#carriage.sightings(carried, now).find((each) => each.replica === replica) as Sighting;
    if (sighting.subscribedAt === null || !mayAct(sighting, now, this.#options)) return null;
    const remedy = remedyAfter(sighting.remedies);
    if (!this.#ports.remedy(remedy, carried, replica)) return null;
    this.#carriage.remedied(carried.instrument, replica, now);
    if (remedy === "redrive") this.counts.redrives++;
    else this.counts.reconnects++;
    return remedy;
  }
}
