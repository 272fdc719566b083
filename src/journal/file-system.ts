import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";

/** What the committing thread asks of the disk. Synchronous: that thread has nothing else to do. Errors are thrown as Node's. */
export interface FileSystem {
  open(path: string, flags: "wx+" | "r+" | "w+"): number;
  /** How many bytes were written: fewer than asked for is possible. */
  write(file: number, bytes: Uint8Array, from: number, length: number, position: number): number;
  datasync(file: number): void;
  sync(file: number): void;
  truncate(file: number, length: number): void;
  close(file: number): void;
  unlink(path: string): void;
  rename(from: string, to: string): void;
  /** Makes the names in a directory durable. */
  syncDirectory(path: string): void;
}

export const diskFileSystem: FileSystem = {
  open: (path, flags) => openSync(path, flags, 0o644),
  write: (file, bytes, from, length, position) => writeSync(file, bytes, from, length, position),
  datasync: fdatasyncSync,
  sync: fsyncSync,
  truncate: ftruncateSync,
  close: closeSync,
  unlink: unlinkSync,
  rename: renameSync,
  syncDirectory(path) {
    const directory = openSync(path, "r");
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
  },
};

/** Writes all of `bytes`, in as many calls as the disk wants. @throws Node's error, or Error where it takes nothing. */
export function writeWhole(disk: FileSystem, file: number, bytes: Uint8Array, position: number): void {
  let done = 0;
  while (done < bytes.length) {
    const written = disk.write(file, bytes, done, bytes.length - done, position + done);
    if (written <= 0) throw new Error("the disk takes no more bytes");
    done += written;
  }
}
