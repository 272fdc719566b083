import { EXIT, UserError } from "./failure.ts";

/** Where a control API is: an address, or a port of this machine. */
export interface ControlAddress {
  readonly url?: string;
  readonly port?: number;
}

/** What `state` and every command answer. */
export interface ControlState {
  readonly time: string;
  readonly speed: number | "max";
  readonly span: { readonly from: string; readonly to: string } | null;
  readonly playing: boolean;
  readonly ended: boolean;
  readonly seekable: boolean;
  readonly lagMicros: number;
  readonly frames: number;
  readonly faults: number;
  readonly clients: readonly {
    readonly surface: string;
    readonly socket: number;
    readonly subscriptions: number;
    readonly bufferedBytes: number;
  }[];
}

/** Asks a running emulator. @throws UserError where there is none, or where it refuses. */
export async function askControl(address: ControlAddress, name: string, body?: object): Promise<unknown> {
  const url = `${baseOf(address)}/control/${name}`;
  let response: Response;
  try {
    response = await fetch(url, body === undefined ? {} : { method: "POST", body: JSON.stringify(body) });
  } catch {
    throw new UserError(`no emulator answers at ${url}: start one with "polypunt emulate"`, EXIT.cannotWork);
  }
  const text = await response.text();
  const answer = parsed(text);
  if (response.ok && answer !== undefined) return answer;
  const said = (answer as { error?: string } | undefined)?.error ?? `HTTP ${response.status}`;
  throw new UserError(said, response.status === 400 ? EXIT.badInput : EXIT.cannotWork);
}

function baseOf({ url, port }: ControlAddress): string {
  if (url !== undefined) {
    if (!URL.canParse(url)) throw new UserError(`--url takes an address such as http://127.0.0.1:4711, not ${url}`);
    return url.replace(/\/+(control\/?)?$/, "");
  }
  if (port !== undefined) return `http://127.0.0.1:${port}`;
  throw new UserError('say where the emulator is: --port or --url, as "polypunt emulate" printed it');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
