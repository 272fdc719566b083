import {
  type BackoffBounds,
  backoffMicros,
  type Clock,
  fetchBytes,
  type HttpAnswer,
  HttpError,
  type Log,
  type Random,
  systemRandom,
  TokenBucket,
} from "#host";
import type { ConnectionId, UnnumberedFrame } from "#model";
import { encodeExchange, MINUTE, SECOND } from "#model";

/** gamma: the catalog; clob: books and markets; web: the site's strike service. */
export type HttpService = "gamma" | "clob" | "web";

export interface HttpClientOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly random?: Random;
  /** Every answer as a frame, errors too: what the venue said belongs in the journal. */
  onAnswer(frame: UnnumberedFrame): void;
  /** Ends what is under way and refuses what comes after. */
  readonly signal?: AbortSignal;
}

export interface Exchange {
  readonly answer: HttpAnswer;
  /** What was handed to `onAnswer`. */
  readonly frame: UnnumberedFrame;
}

/** The answers that are worth asking again for; the others are answers. */
const PASSING = [408, 425, 429, 500, 502, 503, 504];
const TRIES = 4;
const BACKOFF: BackoffBounds = { floorMicros: 250_000, ceilingMicros: 10 * SECOND };
const LONGEST_HOLD = MINUTE;

/** A tenth to a quarter of what the venue allows an address (§5.1, §6.8): others may share it. */
const BUDGETS: Record<HttpService, { burst: number; perSecond: number; maxWaiting: number }> = {
  gamma: { burst: 20, perSecond: 10, maxWaiting: 500 },
  clob: { burst: 50, perSecond: 25, maxWaiting: 500 },
  web: { burst: 5, perSecond: 2, maxWaiting: 50 },
};

/** GET requests within a budget for each service, asked again where the trouble may pass. */
export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #random: Random;
  readonly #buckets: Record<HttpService, TokenBucket>;

  constructor(options: HttpClientOptions) {
    this.#options = options;
    this.#random = options.random ?? systemRandom();
    const bucket = (service: HttpService) => new TokenBucket({ clock: options.clock, ...BUDGETS[service] });
    this.#buckets = { gamma: bucket("gamma"), clob: bucket("clob"), web: bucket("web") };
  }

  /**
   * The answer of the first try that got a lasting one, whatever its status.
   * @throws HttpError after four tries without one; BucketOverloaded where too many wait for the service already.
   */
  async get(service: HttpService, url: string): Promise<Exchange> {
    const { clock, log, signal } = this.#options;
    for (let attempt = 0; ; attempt++) {
      await this.#buckets[service].take(signal);
      const outcome = await this.#try(service, url);
      const failure = outcome instanceof HttpError ? outcome : failureOf(url, outcome.answer);
      if (failure === undefined) return outcome as Exchange;
      if (attempt + 1 >= TRIES || !isPassing(failure)) throw failure;
      const wait = backoffMicros(attempt, BACKOFF, this.#random);
      log.debug({ service, attempt, waitMicros: wait }, failure.message);
      if (!(outcome instanceof HttpError)) this.#heed(service, outcome.answer);
      await clock.sleep(wait, signal);
    }
  }

  async #try(service: HttpService, url: string): Promise<Exchange | HttpError> {
    const { clock, signal, onAnswer } = this.#options;
    let answer: HttpAnswer;
    try {
      answer = await fetchBytes(url, { clock, ...(signal ? { signal } : {}) });
    } catch (error) {
      if (error instanceof HttpError) return error;
      throw error;
    }
    const frame: UnnumberedFrame = {
      connection: `http-${service}` as ConnectionId,
      kind: "answered",
      receivedAt: answer.receivedAt,
      monotonicAt: answer.monotonicAt,
      bytes: encodeExchange({ method: "GET", url, status: answer.status }, answer.body),
    };
    onAnswer(frame);
    return { answer, frame };
  }

  /** A pause that the venue asks of one request is kept by all to that service. */
  #heed(service: HttpService, answer: HttpAnswer): void {
    if (answer.retryAfterMicros === null) return;
    this.#buckets[service].hold(Math.min(answer.retryAfterMicros, LONGEST_HOLD));
  }
}

function failureOf(url: string, answer: HttpAnswer): HttpError | undefined {
  if (!PASSING.includes(answer.status)) return undefined;
  return new HttpError("status", url, `answered HTTP ${answer.status}`, answer.status);
}

function isPassing(error: HttpError): boolean {
  return error.failure === "network" || error.failure === "timeout" || error.failure === "status";
}
