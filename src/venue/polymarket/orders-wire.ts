import type { InstrumentId } from "#model";
import { CHAIN_ID } from "./auth-check.ts";
import { hexOf, isAddress, isBytes32, signerOf, typedDigest } from "./auth-typed-data.ts";
import { isMembers, type Members } from "./json.ts";

/** How a signature vouches for the maker: 0 its own key, 1 and 2 the key that owns its proxy or safe, 3 a contract. */
export type SignatureType = 0 | 1 | 2 | 3;
export type WireOrderType = "GTC" | "GTD" | "FOK" | "FAK";

/** An order as posted: CLOB V2's struct (reference/polymarket.md 6.4). Amounts are in millionths. */
export interface WireOrder {
  readonly salt: bigint;
  readonly maker: string;
  readonly signer: string;
  readonly tokenId: InstrumentId;
  readonly makerAmount: number;
  readonly takerAmount: number;
  readonly side: "buy" | "sell";
  readonly signatureType: SignatureType;
  readonly timestamp: bigint;
  readonly metadata: string;
  readonly builder: string;
  readonly signature: string;
  /** Unix seconds; 0: none. Not part of what is signed. */
  readonly expiration: number;
  /** An API key. */
  readonly owner: string;
  readonly orderType: WireOrderType;
  readonly postOnly: boolean;
}

/** What is wrong with a posted order, in one line. */
export interface UnreadableOrder {
  readonly kind: "unreadable";
  readonly detail: string;
}

const ORDER =
  "Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,uint256 takerAmount,uint8 side," +
  "uint8 signatureType,uint256 timestamp,bytes32 metadata,bytes32 builder)";
const EXCHANGE = "Polymarket CTF Exchange";

/** On Polygon, of 2026-04-28. The neg-risk exchange takes the orders of markets with more than one question. */
export const EXCHANGES = {
  standard: { version: "2", verifyingContract: "0xE111180000d2663C0091e4f400237545B87B996B" },
  negRisk: { version: "2", verifyingContract: "0xe2222d279d744050d28e00520010520000310F59" },
  protocolV2: { version: "3", verifyingContract: "0xe3333700cA9d93003F00f0F71f8515005F6c00Aa" },
} as const;
export type ExchangeName = keyof typeof EXCHANGES;

/** Reads one order of `POST /order` or `/orders`. Key order is free; what official clients leave out has its default. */
export function parseWireOrder(posted: unknown): WireOrder | UnreadableOrder {
  if (!isMembers(posted) || !isMembers(posted.order)) return unreadable("no order");
  const { order, owner, orderType = "GTC", postOnly = false } = posted;
  const numbers = numbersOf(order);
  if (!numbers) return unreadable("salt, tokenId, amounts, timestamp or expiration is no number in range");
  const { maker, signer, signature } = order;
  const metadata = order.metadata ?? ZERO_32;
  const builder = order.builder ?? ZERO_32;
  const side = sideOf(order.side);
  const { signatureType = 0 } = order;
  if (!isText(maker) || !isText(signer) || !isAddress(maker) || !isAddress(signer)) {
    return unreadable("maker or signer is no address");
  }
  if (!isText(metadata) || !isText(builder) || !isBytes32(metadata) || !isBytes32(builder)) {
    return unreadable("metadata or builder is no 32 bytes");
  }
  if (side === undefined) return unreadable("side is neither BUY nor SELL");
  if (!isSignatureType(signatureType)) return unreadable("unknown signatureType");
  if (!isText(signature) || !isText(owner)) return unreadable("no signature or owner");
  if (!isOrderType(orderType)) return unreadable("orderType is none of GTC, GTD, FOK, FAK");
  return {
    ...numbers,
    maker,
    signer,
    side,
    signatureType,
    metadata,
    builder,
    signature,
    owner,
    orderType,
    postOnly: postOnly === true,
  };
}

/** The order's id: the EIP-712 digest that its signature is over. */
export function wireOrderId(order: WireOrder, exchange: ExchangeName): string {
  return hexOf(digestOf(order, exchange));
}

/**
 * Whether the signer signed it. A contract's word (type 3) would have to be asked of the chain and is taken for good: only
 * that maker and signer are the contract is checked.
 */
export function isSigned(order: WireOrder, exchange: ExchangeName): boolean {
  const signer = order.signer.toLowerCase();
  if (order.signatureType === 3) return order.maker.toLowerCase() === signer;
  if (order.signatureType === 0 && order.maker.toLowerCase() !== signer) return false;
  return signerOf(digestOf(order, exchange), order.signature) === signer;
}

function digestOf(order: WireOrder, exchange: ExchangeName): Uint8Array {
  return typedDigest({ name: EXCHANGE, chainId: CHAIN_ID, ...EXCHANGES[exchange] }, ORDER, [
    { kind: "uint", value: order.salt },
    { kind: "address", value: order.maker },
    { kind: "address", value: order.signer },
    { kind: "uint", value: BigInt(order.tokenId) },
    { kind: "uint", value: BigInt(order.makerAmount) },
    { kind: "uint", value: BigInt(order.takerAmount) },
    { kind: "uint", value: order.side === "buy" ? 0n : 1n },
    { kind: "uint", value: BigInt(order.signatureType) },
    { kind: "uint", value: order.timestamp },
    { kind: "bytes32", value: order.metadata },
    { kind: "bytes32", value: order.builder },
  ]);
}

const ZERO_32 = `0x${"0".repeat(64)}`;

function numbersOf(order: Members) {
  const salt = wholeOf(order.salt);
  const token = wholeOf(order.tokenId);
  const timestamp = wholeOf(order.timestamp);
  const makerAmount = Number(wholeOf(order.makerAmount));
  const takerAmount = Number(wholeOf(order.takerAmount));
  const expiration = Number(wholeOf(order.expiration ?? "0"));
  // The venue takes salt as a JSON number, which must then be exact.
  if (typeof order.salt === "number" && !Number.isSafeInteger(order.salt)) return undefined;
  if (salt === undefined || token === undefined || timestamp === undefined) return undefined;
  const fits = [makerAmount, takerAmount, expiration].every(Number.isSafeInteger);
  if (!fits || makerAmount <= 0 || takerAmount <= 0) return undefined;
  const tokenId = String(order.tokenId) as InstrumentId;
  return { salt, tokenId, timestamp, makerAmount, takerAmount, expiration };
}

/** A whole number below 2^256 from a JSON number or decimal text. */
function wholeOf(value: unknown): bigint | undefined {
  if (typeof value !== "number" && typeof value !== "string") return undefined;
  if (!/^\d{1,78}$/.test(String(value))) return undefined;
  const whole = BigInt(value);
  return whole < 1n << 256n ? whole : undefined;
}

function sideOf(value: unknown): "buy" | "sell" | undefined {
  if (value === 0 || value === "0" || value === "BUY") return "buy";
  return value === 1 || value === "1" || value === "SELL" ? "sell" : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isSignatureType(value: unknown): value is SignatureType {
  return value === 0 || value === 1 || value === 2 || value === 3;
}

function isOrderType(value: unknown): value is WireOrderType {
  return value === "GTC" || value === "GTD" || value === "FOK" || value === "FAK";
}

function unreadable(detail: string): UnreadableOrder {
  return { kind: "unreadable", detail };
}
