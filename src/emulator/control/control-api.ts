import type { IncomingHttpHeaders } from "node:http";
import { formatTime, parseTime, SECOND, type UnixMicros } from "#model";
import type { Emulator } from "../server/emulator.ts";
import { type HttpAnswer, json } from "../server/http-answer.ts";
import type { VenuePart, VenueRequest } from "../server/parts.ts";
import type { StepSize } from "../server/player.ts";
import { MomentOutside } from "../source.ts";
import { parseInjection } from "./parse-injection.ts";
import type { Pace, PlaybackState } from "./playback.ts";

/*
 * JSON over HTTP, beside the venue's services and out of reach of web pages:
 *   GET  /control/state, /control/markets, /control/injections
 *   POST /control/play, /control/pause
 *   POST /control/seek {"at": time}   /control/speed {"speed": 10 | "max"}   /control/step {"by": "frame" | "1s" | "5s"}
 *   POST /control/inject {a fault, see injections.ts}
 * A POST answers with the state after it. Errors: 400 what was asked makes no sense, 403 not from here, 409 cannot be done.
 */

const LEAST_PACE = 0.1;
const FORBIDDEN = json({ error: "the control API answers programs on this machine, not web pages" }, 403);
const NOT_FOUND = json({ error: "no such control: see docs/emulator.md" }, 404);

class BadRequest extends Error {}

type Command = (emulator: Emulator, body: Readonly<Record<string, unknown>>) => void | Promise<void>;

const COMMANDS: Readonly<Record<string, Command>> = {
  play: ({ control }) => control.play(),
  pause: ({ control }) => control.pause(),
  seek: ({ control }, { at }) => control.seek(timeOf(at)),
  speed: ({ control }, { speed }) => control.setPace(paceOf(speed)),
  step: ({ control }, { by = "frame" }) => control.step(stepOf(by)),
  inject: (emulator, body) => {
    const injection = parseInjection(body);
    if (typeof injection === "string") throw new BadRequest(injection);
    emulator.inject(injection);
  },
};

/** Serves an emulator's control on its own port. */
export function controlApi(emulator: Emulator): VenuePart {
  return { routes: [{ prefix: "/control", surface: null, answer: (request) => answerControl(request, emulator) }] };
}

async function answerControl({ method, path, headers, body }: VenueRequest, emulator: Emulator): Promise<HttpAnswer> {
  if (!isFromHere(headers)) return FORBIDDEN;
  const name = path.slice(1);
  if (method === "GET") {
    if (name === "state") return json(stateBody(emulator.control.state()));
    if (name === "markets") return json(emulator.control.markets());
    if (name === "injections") return json(emulator.injected());
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) return NOT_FOUND;
  if (method !== "POST") return json({ error: `POST /control/${name}` }, 405);
  try {
    await command(emulator, membersOf(body));
    return json(stateBody(emulator.control.state()));
  } catch (error) {
    const isAskers = error instanceof BadRequest || error instanceof MomentOutside;
    return json({ error: (error as Error).message }, isAskers ? 400 : 409);
  }
}

/**
 * A browser names the page's origin in every POST, and the host it believes to talk to: a page of elsewhere is told by the
 * first, one that had its name pointed at this machine by the second.
 */
function isFromHere({ host = "", origin, "sec-fetch-site": site }: IncomingHttpHeaders): boolean {
  const isLocal = (name: string) => /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i.test(name);
  if (!isLocal(host)) return false;
  if (site !== undefined && site !== "same-origin" && site !== "none") return false;
  return origin === undefined || origin.replace(/^https?:\/\//, "") === host;
}

function stateBody({ at, span, pace, ...rest }: PlaybackState) {
  const bounds = span && { from: formatTime(span.from), to: formatTime(span.to) };
  return { time: formatTime(at), at, speed: pace, span: bounds, ...rest };
}

function membersOf(body: string): Readonly<Record<string, unknown>> {
  if (body.trim() === "") return {};
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === "object" && parsed !== null) return parsed as Readonly<Record<string, unknown>>;
  } catch {
    // Said below.
  }
  throw new BadRequest("the body is no JSON object");
}

function timeOf(at: unknown): UnixMicros {
  const time = parseTime(String(at ?? ""));
  if (time === undefined) throw new BadRequest('"at" takes ISO 8601 or Unix seconds, millis or micros');
  return time;
}

function paceOf(speed: unknown): Pace {
  if (speed === "max") return "max";
  const pace = Number(speed);
  if (Number.isFinite(pace) && pace >= LEAST_PACE) return pace;
  throw new BadRequest(`"speed" takes a number from ${LEAST_PACE} up, or "max"`);
}

/** "frame", or a duration: "1s", "5s", "250ms". */
function stepOf(by: unknown): StepSize {
  if (by === "frame") return "frame";
  const parts = /^(\d{1,6}(?:\.\d+)?)(ms|s|m)$/.exec(String(by));
  const units: Readonly<Record<string, number>> = { ms: SECOND / 1_000, s: SECOND, m: 60 * SECOND };
  const micros = parts ? Math.round(Number(parts[1]) * units[parts[2]!]!) : 0;
  if (micros > 0) return micros;
  throw new BadRequest('"by" takes "frame" or a duration such as "1s", "5s" or "250ms"');
}
