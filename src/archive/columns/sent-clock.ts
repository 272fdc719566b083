import { MILLISECOND } from "#model";

/*
 * Venue time follows from our own but for a delay that changes slowly: a message's is expected at its knownAt less the
 * delay of the message before, to the millisecond; the other events of a message at that of the event before.
 */
export class SentClock {
  #delay = 0;
  #knownAt = 0;
  #isFirst = false;
  expected = 0;

  begin(knownAt: number): void {
    this.#knownAt = knownAt;
    this.#isFirst = true;
    this.expected = Math.round((knownAt - this.#delay) / MILLISECOND) * MILLISECOND;
  }

  set(sentAt: number): void {
    if (this.#isFirst) this.#delay = this.#knownAt - sentAt;
    this.#isFirst = false;
    this.expected = sentAt;
  }
}
