import { createHash } from "node:crypto";
import { type Credentials, checkWalletLogin, type Headers, isSignedBy, namedApiKey, type SignedRequest } from "#venue";

/** A wallet that signed in, with the credentials that it got. */
export interface ApiKey {
  /** Of the wallet, lower case. It also names the account: what proxies and safes of the wallet own is kept together. */
  readonly address: string;
  readonly nonce: string;
  readonly credentials: Credentials;
}

/** Wallets that may sign in; an emulator is no place for more. */
const MAX_KEYS = 10_000;

/**
 * API keys. They are made from a seed, the wallet and its nonce alone: the same run gives the same keys. Nothing here is
 * secret from whoever runs the emulator.
 */
export class Accounts {
  readonly #seed: number;
  readonly #byKey = new Map<string, ApiKey>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** null: the wallet's signature is not its own. */
  login(headers: Headers): { readonly address: string; readonly nonce: string } | null {
    return checkWalletLogin(headers);
  }

  /** undefined where there is one for this nonce already, or no room for more. */
  create(address: string, nonce: string): ApiKey | undefined {
    const made = this.#keyOf(address, nonce);
    if (this.#byKey.has(made.credentials.apiKey) || this.#byKey.size >= MAX_KEYS) return undefined;
    this.#byKey.set(made.credentials.apiKey, made);
    return made;
  }

  /** The key that was created before. */
  derive(address: string, nonce: string): ApiKey | undefined {
    return this.#byKey.get(this.#keyOf(address, nonce).credentials.apiKey);
  }

  of(address: string): ApiKey[] {
    return [...this.#byKey.values()].filter((key) => key.address === address);
  }

  delete(key: ApiKey): void {
    this.#byKey.delete(key.credentials.apiKey);
  }

  /** Whose request it is; undefined where it does not prove to be anyone's. */
  signedIn(request: SignedRequest): ApiKey | undefined {
    const key = this.#byKey.get(namedApiKey(request.headers));
    return key && isSignedBy(request, key.credentials, key.address) ? key : undefined;
  }

  /** The user channel sends the credentials themselves. */
  withCredentials({ apiKey, secret, passphrase }: Credentials): ApiKey | undefined {
    const key = this.#byKey.get(apiKey);
    const known = key?.credentials;
    return known && known.secret === secret && known.passphrase === passphrase ? key : undefined;
  }

  #keyOf(address: string, nonce: string): ApiKey {
    const part = (name: string) => createHash("sha256").update(`${this.#seed}/${name}/${address}/${nonce}`).digest();
    // Url-safe base64 with its padding, as the venue's.
    const secret = part("secret").toString("base64").replaceAll("+", "-").replaceAll("/", "_");
    const passphrase = part("passphrase").toString("hex");
    return { address, nonce, credentials: { apiKey: uuidOf(part("key")), secret, passphrase } };
  }
}

/** The first sixteen bytes as a uuid. */
export function uuidOf(bytes: Buffer): string {
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    "-",
  );
}
