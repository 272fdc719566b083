/** What the HTTP side answers to a request. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: Uint8Array;
  readonly contentType: "application/json" | "text/plain";
  readonly headers?: Readonly<Record<string, string>>;
}

const encoder = new TextEncoder();

export function json(value: unknown, status = 200): HttpAnswer {
  return { status, body: encoder.encode(JSON.stringify(value)), contentType: "application/json" };
}

export function encoded(body: Uint8Array): HttpAnswer {
  return { status: 200, body, contentType: "application/json" };
}

export function plain(text: string, status = 200): HttpAnswer {
  return { status, body: encoder.encode(text), contentType: "text/plain" };
}
