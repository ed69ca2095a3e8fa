// The hash of better-auth's people alone: for each line that comes, so many hashes and the CPU time of one, in ms.
import { createInterface } from "node:readline";
import { hashSync } from "@node-rs/argon2";

const [memoryCost, timeCost, parallelism] = process.argv.slice(2).map(Number);
const options = { algorithm: 2, memoryCost, timeCost, parallelism, outputLen: 32, salt: Buffer.alloc(16, 7) };

for await (const line of createInterface({ input: process.stdin })) {
  const times = Number(line);
  const before = process.cpuUsage();
  for (let done = 0; done < times; done += 1) hashSync("correct horse", options);
  const { user, system } = process.cpuUsage(before);
  console.log((user + system) / 1_000 / times);
}
