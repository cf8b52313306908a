// Times @openzeppelin/merkle-tree over random leaves. Usage: node openzeppelin.mjs LEAVES PATHS
import { SimpleMerkleTree } from "@openzeppelin/merkle-tree";
import { randomBytes } from "node:crypto";

const [leaves, paths] = process.argv.slice(2).map(Number);
const values = Array.from({ length: leaves }, () => "0x" + randomBytes(32).toString("hex"));
const before = process.memoryUsage().rss;
const start = performance.now();
const tree = SimpleMerkleTree.of(values);
const built = performance.now();
for (let index = 0; index < paths; index += 1) tree.getProof(index);
const done = performance.now();
console.log(
  JSON.stringify({
    buildSeconds: (built - start) / 1e3,
    pathSeconds: (done - built) / 1e3 / paths,
    peakBytes: process.resourceUsage().maxRSS * 1024 - before,
  }),
);
