import { appendFile, writeFile } from "node:fs/promises";
import { createGzip, type Gzip } from "node:zlib";

/** A text file that grows piece by piece, gzip or plain, without a descriptor held open between the pieces. */
export class TextFile {
  readonly #path: string;
  readonly #gzip: Gzip | null;
  #packed: Uint8Array[] = [];
  #begun = false;
  #bytes = 0;

  constructor(path: string, isGzip: boolean) {
    this.#path = path;
    this.#gzip = isGzip ? createGzip() : null;
    this.#gzip?.on("data", (part: Uint8Array) => this.#packed.push(part));
  }

  /** On the disk so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Rejects with Error of the file system. */
  async append(piece: string | Uint8Array): Promise<void> {
    const gzip = this.#gzip;
    if (!gzip) return this.#write(typeof piece === "string" ? Buffer.from(piece) : piece);
    await new Promise<void>((resolve, reject) => gzip.write(piece, (error) => (error ? reject(error) : resolve())));
    await this.#writePacked();
  }

  async close(): Promise<void> {
    const gzip = this.#gzip;
    if (gzip) {
      await new Promise<void>((resolve, reject) => {
        gzip.once("end", resolve).once("error", reject);
        gzip.end();
      });
      await this.#writePacked();
    }
    if (!this.#begun) await this.#write(new Uint8Array(0));
  }

  async #writePacked(): Promise<void> {
    const packed = Buffer.concat(this.#packed);
    this.#packed = [];
    if (packed.length > 0) await this.#write(packed);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#begun) await appendFile(this.#path, bytes);
    else await writeFile(this.#path, bytes, { flag: "wx" });
    this.#begun = true;
    this.#bytes += bytes.length;
  }
}
