import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FormatError } from "../format-error.ts";

const MANIFEST = "manifest.json";
/** Files that exports write. Nothing else is ever removed. */
const OURS =
  /^(part-\d+\.(parquet|csv|csv\.gz)|gaps\.(parquet|csv|ndjson)|.+\.npz|.+\.npy-part|(venue|frames|events|tardis)\.ndjson(\.gz)?|polymarket_.+\.csv(\.gz)?|manifest\.json)$/;

export interface WrittenFile {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
}

/** The folder of one export. Its manifest is marked complete last: without that mark, an export was broken off. */
export class ExportFolder {
  readonly #folder: string;
  readonly #files: { path: string; rows: number }[] = [];

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Takes a folder that is empty or not there yet; with `force` also one that holds an export, which is removed first.
   * @throws FormatError where it holds anything; Error of the file system.
   */
  static async create(folder: string, force: boolean): Promise<ExportFolder> {
    const found = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return null;
      if (error.code === "ENOTDIR") throw new FormatError(`${folder} is a file: name a folder with --out`);
      throw error;
    });
    if (found !== null && found.length > 0) {
      const isExport = await readManifest(folder);
      if (!force)
        throw new FormatError(
          `${folder} is not empty: name another folder with --out${isExport ? ", or replace the export in it with --force" : ""}`,
        );
      if (!isExport)
        throw new FormatError(
          `${folder} holds no export of ours, so --force removes nothing there: name another folder`,
        );
      await removeExport(folder);
    }
    await mkdir(folder, { recursive: true });
    const made = new ExportFolder(folder);
    await made.#writeManifest({ tool: "polypunt", complete: false });
    return made;
  }

  path(file: string): string {
    return join(this.#folder, file);
  }

  wrote(path: string, rows: number): void {
    this.#files.push({ path, rows });
  }

  /** Completes the export. Returns its files, in order of their paths. */
  async finish(manifest: Readonly<Record<string, unknown>>): Promise<readonly WrittenFile[]> {
    const files: WrittenFile[] = [];
    for (const { path, rows } of this.#files.sort((a, b) => (a.path < b.path ? -1 : 1)))
      files.push({ path, rows, bytes: (await stat(this.path(path))).size });
    await this.#writeManifest({ tool: "polypunt", complete: true, ...manifest, files });
    return files;
  }

  /** After a refusal: nothing is left that looks like an export. */
  async discard(): Promise<void> {
    await removeExport(this.#folder);
  }

  async #writeManifest(manifest: unknown): Promise<void> {
    await writeFile(this.path(MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
  }
}

async function readManifest(folder: string): Promise<boolean> {
  try {
    const manifest: unknown = JSON.parse(await readFile(join(folder, MANIFEST), "utf8"));
    return typeof manifest === "object" && manifest !== null && "tool" in manifest && manifest.tool === "polypunt";
  } catch {
    return false;
  }
}

/** Our files, and folders that are empty then. */
async function removeExport(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isFile() && OURS.test(entry.name)) await rm(path);
    if (!entry.isDirectory()) continue;
    await removeExport(path);
    if ((await readdir(path)).length === 0) await rm(path, { recursive: true });
  }
}
