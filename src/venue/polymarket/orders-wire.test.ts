import fc from "fast-check";
import { hashTypedData } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { describe, expect, it } from "vitest";
import { checkWalletLogin, requestSignature } from "./auth-check.ts";
import { EXCHANGES, isSigned, parseWireOrder, type WireOrder, wireOrderId } from "./orders-wire.ts";

const account = privateKeyToAccount(`0x${"42".repeat(32)}`);
const TYPES = {
  Order: [
    ["salt", "uint256"],
    ["maker", "address"],
    ["signer", "address"],
    ["tokenId", "uint256"],
    ["makerAmount", "uint256"],
    ["takerAmount", "uint256"],
    ["side", "uint8"],
    ["signatureType", "uint8"],
    ["timestamp", "uint256"],
    ["metadata", "bytes32"],
    ["builder", "bytes32"],
  ].map(([name, type]) => ({ name: name!, type: type! })),
};

/** The same order for viem, which knows nothing of ours. */
function typed(order: WireOrder, exchange: keyof typeof EXCHANGES) {
  return {
    domain: { name: "Polymarket CTF Exchange", chainId: 137, ...EXCHANGES[exchange] },
    types: TYPES,
    primaryType: "Order",
    message: {
      ...order,
      tokenId: BigInt(order.tokenId),
      makerAmount: BigInt(order.makerAmount),
      takerAmount: BigInt(order.takerAmount),
      side: order.side === "buy" ? 0 : 1,
    },
  } as const;
}

const posted = {
  deferExec: false,
  order: {
    salt: 470958722402,
    maker: account.address,
    signer: account.address,
    tokenId: "71321045679252212594626385532706912750332728571942532289631379312455583992563",
    makerAmount: "4000000",
    takerAmount: "10000000",
    side: "BUY",
    signatureType: 0,
    timestamp: "1795373418017",
    expiration: "0",
    metadata: `0x${"00".repeat(32)}`,
    builder: `0x${"00".repeat(32)}`,
    signature: `0x${"00".repeat(65)}`,
  },
  owner: "key",
  orderType: "GTC",
};

function read(change: object = {}): WireOrder {
  const order = parseWireOrder({ ...posted, order: { ...posted.order, ...change } });
  if ("kind" in order) throw new Error(order.detail);
  return order;
}

const bytes32 = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => `0x${Buffer.from(bytes).toString("hex")}`);

describe("a posted order", () => {
  it("has viem's hash for its id, and its signature is checked, whatever is in it", async () => {
    const order = fc.record({
      salt: fc.nat(),
      tokenId: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }).map(String),
      makerAmount: fc.integer({ min: 1, max: 2 ** 50 }).map(String),
      takerAmount: fc.integer({ min: 1, max: 2 ** 50 }).map(String),
      side: fc.constantFrom("BUY", "SELL"),
      signatureType: fc.constantFrom(0, 1, 2),
      timestamp: fc.nat().map(String),
      metadata: bytes32,
      builder: bytes32,
    });
    const exchanges = fc.constantFrom("standard", "negRisk", "protocolV2");
    await fc.assert(
      fc.asyncProperty(order, exchanges, async (change, exchange) => {
        const unsigned = read(change);
        expect(wireOrderId(unsigned, exchange)).toBe(hashTypedData(typed(unsigned, exchange) as never));
        const signed = read({ ...change, signature: await account.signTypedData(typed(unsigned, exchange) as never) });
        expect(isSigned(signed, exchange)).toBe(true);
        expect(isSigned({ ...signed, takerAmount: signed.takerAmount + 1 }, exchange)).toBe(false);
        expect(isSigned(signed, exchange === "standard" ? "negRisk" : "standard")).toBe(false);
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    [{ salt: 2 ** 53 }, "salt"],
    [{ makerAmount: "0" }, "amounts"],
    [{ takerAmount: "1.5" }, "amounts"],
    [{ tokenId: `${2n ** 256n}` }, "tokenId"],
    [{ maker: "0x12" }, "address"],
    [{ side: "HOLD" }, "side"],
    [{ signatureType: 4 }, "signatureType"],
    [{ builder: "0x" }, "32 bytes"],
    [{ signature: 7 }, "signature"],
  ])("%j cannot be read, and says so", (change, word) => {
    const order = parseWireOrder({ ...posted, order: { ...posted.order, ...change } });
    expect("kind" in order && order.detail).toContain(word);
  });

  it("that is no order is none", () => {
    for (const nothing of [null, 7, "order", [], {}, { order: null }, { order: [] }]) {
      expect(parseWireOrder(nothing)).toMatchObject({ kind: "unreadable" });
    }
  });

  it("of a proxy needs the owner's signature, and of an own key no other maker", async () => {
    const maker = `0x${"ab".repeat(20)}`;
    const proxied = read({ maker, signatureType: 1 });
    const signature = await account.signTypedData(typed(proxied, "standard") as never);
    expect(isSigned({ ...proxied, signature }, "standard")).toBe(true);
    expect(isSigned({ ...proxied, signature, signatureType: 0 }, "standard")).toBe(false);
    expect(isSigned({ ...proxied, signature: "0x12" }, "standard")).toBe(false);
  });
});

describe("the ways in", () => {
  it("signs requests as the venue's own vector has it", () => {
    const secret = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    expect(requestSignature(secret, "1000000", "test-sign", "/orders", '{"hash": "0x123"}')).toBe(
      "ZwAdJKvoYRlEKDkNMwd5BuwNNtg93kNaR_oU2HrfVvc=",
    );
  });

  it("knows a wallet by its signature, and no other", async () => {
    const signature = await account.signTypedData({
      domain: { name: "ClobAuthDomain", version: "1", chainId: 137 },
      types: {
        ClobAuth: [
          { name: "address", type: "address" },
          { name: "timestamp", type: "string" },
          { name: "nonce", type: "uint256" },
          { name: "message", type: "string" },
        ],
      },
      primaryType: "ClobAuth",
      message: {
        address: account.address,
        timestamp: "1795373417",
        nonce: 3n,
        message: "This message attests that I control the given wallet",
      },
    });
    const headers = {
      poly_address: account.address,
      poly_timestamp: "1795373417",
      poly_nonce: "3",
      poly_signature: signature,
    };
    expect(checkWalletLogin(headers)).toEqual({ address: account.address.toLowerCase(), nonce: "3" });
    expect(checkWalletLogin({ ...headers, poly_nonce: "4" })).toBeNull();
    expect(checkWalletLogin({ ...headers, poly_address: `0x${"ab".repeat(20)}` })).toBeNull();
    expect(checkWalletLogin({})).toBeNull();
  });
});
