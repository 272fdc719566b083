import { createHmac, timingSafeEqual } from "node:crypto";
import { isAddress, signerOf, typedDigest } from "./auth-typed-data.ts";
import type { Credentials } from "./credentials.ts";

/*
 * The two ways in. L1: a wallet's EIP-712 signature over (address, timestamp, nonce), which gets API credentials. L2: an
 * HMAC by those credentials over timestamp + method + path + body. Header names carry underscores; Node lower-cases them.
 */

export const CHAIN_ID = 137;
const MESSAGE = "This message attests that I control the given wallet";
const CLOB_AUTH = "ClobAuth(address address,string timestamp,uint256 nonce,string message)";

/** Header values by lower-case name. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Who signed in with a wallet. */
export interface WalletLogin {
  /** Lower case. */
  readonly address: string;
  readonly nonce: string;
}

/** null where the signature is not the address's own. The timestamp may be of any time: replay has its own clock. */
export function checkWalletLogin(headers: Headers): WalletLogin | null {
  const address = header(headers, "poly_address");
  const timestamp = header(headers, "poly_timestamp");
  const nonce = header(headers, "poly_nonce") || "0";
  if (!isAddress(address) || !/^\d{1,20}$/.test(timestamp) || !/^\d{1,40}$/.test(nonce)) return null;
  const digest = typedDigest({ name: "ClobAuthDomain", version: "1", chainId: CHAIN_ID }, CLOB_AUTH, [
    { kind: "address", value: address },
    { kind: "string", value: timestamp },
    { kind: "uint", value: BigInt(nonce) },
    { kind: "string", value: MESSAGE },
  ]);
  const lower = address.toLowerCase();
  return signerOf(digest, header(headers, "poly_signature")) === lower ? { address: lower, nonce } : null;
}

/** Url-safe base64 with its padding, as the venue's clients send it. */
export function requestSignature(
  secret: string,
  timestamp: string,
  method: string,
  path: string,
  body: string,
): string {
  return createHmac("sha256", Buffer.from(secret, "base64"))
    .update(`${timestamp}${method}${path}${body}`)
    .digest("base64")
    .replaceAll("+", "-")
    .replaceAll("/", "_");
}

/** What an L2 request says of itself, before anything of it is believed. */
export interface SignedRequest {
  readonly method: string;
  /** As the client sees it; where it may see more than one spelling, all of them. Without the query. */
  readonly paths: readonly string[];
  readonly headers: Headers;
  readonly body: string;
}

/** The API key that a request names; "" where it names none. */
export function namedApiKey(headers: Headers): string {
  return header(headers, "poly_api_key");
}

/** @param address whose the credentials are, lower case */
export function isSignedBy(request: SignedRequest, credentials: Credentials, address: string): boolean {
  const { headers, method, paths, body } = request;
  if (header(headers, "poly_address").toLowerCase() !== address) return false;
  if (!isSame(header(headers, "poly_passphrase"), credentials.passphrase)) return false;
  const timestamp = header(headers, "poly_timestamp");
  const signature = header(headers, "poly_signature");
  return paths.some((path) => isSame(signature, requestSignature(credentials.secret, timestamp, method, path, body)));
}

function header(headers: Headers, name: string): string {
  const value = headers[name];
  return typeof value === "string" ? value : "";
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
