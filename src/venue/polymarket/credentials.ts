import { z } from "zod";

/** CLOB API credentials. Never logged and never journaled: see `credentialMask`. */
export interface Credentials {
  readonly apiKey: string;
  readonly secret: string;
  readonly passphrase: string;
}

export const credentialsSchema = z.strictObject({
  apiKey: z.string().min(1),
  secret: z.string().min(1),
  passphrase: z.string().min(1),
});

const VARIABLES = {
  apiKey: "POLYPUNT_POLY_API_KEY",
  secret: "POLYPUNT_POLY_SECRET",
  passphrase: "POLYPUNT_POLY_PASSPHRASE",
} as const;

export class CredentialsError extends Error {
  override readonly name = "CredentialsError";
}

/**
 * The credentials of the environment; undefined where none of the three variables is set.
 * @throws CredentialsError where only some are set: half a key is a mistake, not a wish to go without.
 */
export function credentialsFrom(lookup: (name: string) => string | undefined): Credentials | undefined {
  const missing = Object.values(VARIABLES).filter((name) => lookup(name) === undefined);
  if (missing.length === Object.keys(VARIABLES).length) return undefined;
  if (missing.length > 0) {
    throw new CredentialsError(`set ${missing.join(" and ")} too, or none of ${Object.values(VARIABLES).join(", ")}`);
  }
  return {
    apiKey: lookup(VARIABLES.apiKey) ?? "",
    secret: lookup(VARIABLES.secret) ?? "",
    passphrase: lookup(VARIABLES.passphrase) ?? "",
  };
}

/** Replaces each part of the credentials in a text by "***", for what is logged or journaled. */
export function credentialMask(credentials: Credentials | undefined): (text: string) => string {
  if (!credentials) return (text) => text;
  // Longest first: a part may hold another one.
  const parts = Object.values(credentials)
    .flatMap((part: string) => [part, JSON.stringify(part).slice(1, -1)])
    .sort((a, b) => b.length - a.length);
  return (text) => parts.reduce((masked, part) => masked.replaceAll(part, "***"), text);
}
