import { parentPort, workerData } from "node:worker_threads";
import { type CommitPlan, runCommitLoop } from "./commit-loop.ts";
import { diskFileSystem } from "./file-system.ts";

// The committing thread. It sleeps in the ring or in the disk and has no event loop to be held up.
const port = parentPort;
if (port === null) throw new Error("the committing thread was started as a program");
runCommitLoop(workerData as CommitPlan, diskFileSystem, (news) => port.postMessage(news));
