/*
 * Orders are moved about and taken back, so the amount by which a level changes is often one of a few that were seen
 * before. They are kept in places, the commonest in front: an amount that is met again changes place with the one half
 * its way to the front; a new one takes the place of the one among the rear places that has been there longest. Unlike
 * moving to the front, both steps are O(1), and places keep their meaning long enough for zstd's tables.
 */

export const RECENT_PLACES = 116;
const REAR = 48;

export class RecentAmounts {
  readonly #amounts: number[] = [];
  readonly #placeOf = new Map<number, number>();
  readonly #isWriter: boolean;
  #rear = 0;

  /** A reader never asks for the place of an amount and saves the map. */
  constructor(isWriter: boolean) {
    this.#isWriter = isWriter;
  }

  /** undefined: not here. Only for a writer. */
  placeOf(amount: number): number | undefined {
    return this.#placeOf.get(amount);
  }

  /** @throws RangeError where the place is empty. */
  at(place: number): number {
    if (place >= this.#amounts.length) throw new RangeError("damaged chunk: an amount that was never seen");
    return this.#amounts[place] as number;
  }

  /** The amount at the place was met again. */
  promote(place: number): void {
    const half = place >> 1;
    const amount = this.at(place);
    const other = this.at(half);
    this.#amounts[place] = other;
    this.#amounts[half] = amount;
    if (!this.#isWriter) return;
    this.#placeOf.set(other, place);
    this.#placeOf.set(amount, half);
  }

  /** A new amount. */
  add(amount: number): void {
    const { length } = this.#amounts;
    const place = length < RECENT_PLACES ? length : RECENT_PLACES - REAR + this.#rear;
    if (length === RECENT_PLACES) this.#rear = (this.#rear + 1) % REAR;
    if (this.#isWriter) {
      if (length === RECENT_PLACES) this.#placeOf.delete(this.#amounts[place] as number);
      this.#placeOf.set(amount, place);
    }
    this.#amounts[place] = amount;
  }
}
