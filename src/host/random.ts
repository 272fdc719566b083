/** Chance, injected: a run with a seeded source can be repeated exactly. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
}

export function systemRandom(): Random {
  return { next: () => Math.random() };
}

/** The same seed gives the same numbers on every machine (a 32-bit Weyl sequence, mixed). Not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return {
    next() {
      state = (state + 0x9e3779b9) | 0;
      let mixed = state;
      mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
      return ((mixed ^ (mixed >>> 15)) >>> 0) / 4_294_967_296;
    },
  };
}
