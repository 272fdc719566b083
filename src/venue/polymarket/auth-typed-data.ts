import { secp256k1 } from "@noble/curves/secp256k1";
import { keccak_256 } from "@noble/hashes/sha3";

/*
 * EIP-712, as much of it as Polymarket signs: flat structs of static members and strings. The digest that is signed is
 * keccak256(0x1901 ‖ hash of the domain ‖ hash of the struct); a struct's hash is keccak256(hash of its type ‖ a word of
 * 32 bytes for each member).
 */

/** A member as its word is made. */
export type Word =
  | { readonly kind: "uint"; readonly value: bigint }
  /** 20 bytes, 0x and hex. */
  | { readonly kind: "address"; readonly value: string }
  /** 32 bytes, 0x and hex. */
  | { readonly kind: "bytes32"; readonly value: string }
  | { readonly kind: "string"; readonly value: string };

export interface SigningDomain {
  readonly name: string;
  readonly version: string;
  readonly chainId: number;
  readonly verifyingContract?: string;
}

/** Ethereum address, 0x and 40 lower-case hex digits. */
export function isAddress(text: string): boolean {
  return /^0x[0-9a-fA-F]{40}$/.test(text);
}

export function isBytes32(text: string): boolean {
  return /^0x[0-9a-fA-F]{64}$/.test(text);
}

/**
 * The digest of a struct in a domain.
 * @param type as EIP-712 spells it, "Order(uint256 salt,address maker)"
 */
export function typedDigest(domain: SigningDomain, type: string, members: readonly Word[]): Uint8Array {
  const { name, version, chainId, verifyingContract } = domain;
  const words: Word[] = [
    { kind: "string", value: name },
    { kind: "string", value: version },
    { kind: "uint", value: BigInt(chainId) },
  ];
  if (verifyingContract !== undefined) words.push({ kind: "address", value: verifyingContract });
  const contract = verifyingContract === undefined ? "" : ",address verifyingContract";
  const domainHash = structHash(`EIP712Domain(string name,string version,uint256 chainId${contract})`, words);
  return keccak_256(Buffer.concat([Buffer.from("1901", "hex"), domainHash, structHash(type, members)]));
}

/** The address whose key made the signature (r ‖ s ‖ v), lower case; null where it is no signature. */
export function signerOf(digest: Uint8Array, signature: string): string | null {
  const bytes = /^0x[0-9a-fA-F]{130}$/.test(signature) ? Buffer.from(signature.slice(2), "hex") : null;
  if (!bytes) return null;
  const last = bytes[64] ?? 0;
  const recovery = last >= 27 ? last - 27 : last;
  if (recovery > 1) return null;
  try {
    const parsed = secp256k1.Signature.fromCompact(bytes.subarray(0, 64)).addRecoveryBit(recovery);
    const key = parsed.recoverPublicKey(digest).toRawBytes(false);
    return hexOf(keccak_256(key.subarray(1)).subarray(12));
  } catch {
    return null;
  }
}

export function hexOf(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString("hex")}`;
}

function structHash(type: string, members: readonly Word[]): Uint8Array {
  return keccak_256(Buffer.concat([keccak_256(Buffer.from(type, "utf8")), ...members.map(wordOf)]));
}

function wordOf(word: Word): Uint8Array {
  switch (word.kind) {
    case "uint":
      return Buffer.from(word.value.toString(16).padStart(64, "0"), "hex");
    case "address":
    case "bytes32":
      return Buffer.from(word.value.slice(2).padStart(64, "0"), "hex");
    case "string":
      return keccak_256(Buffer.from(word.value, "utf8"));
  }
}
