// Unpacks the Chromium that npm brings (brotli, which Python's standard library lacks) into a folder.
//
//   node tests/web/unpack_chromium.mjs FOLDER
import { createReadStream, createWriteStream, mkdirSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";

const folder = process.argv[2];
const packed = join(import.meta.dirname, "../../node_modules/@sparticuz/chromium/bin");
mkdirSync(folder, { recursive: true });
for (const name of ["chromium", "al2023.tar", "fonts.tar"])
  await pipeline(
    createReadStream(join(packed, `${name}.br`)),
    createBrotliDecompress(),
    createWriteStream(join(folder, name), { mode: 0o755 }),
  );
