// Builds the page: one HTML file with everything in it, the same bytes from the same sources.
//
//   node web/build.mjs            writes registry/data/web/verifier.html
//   node web/build.mjs FOLDER     writes verifier.html there, and core.mjs: the verifier alone, as a module
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import Ajv2019 from "ajv/dist/2019.js";
import standaloneCode from "ajv/dist/standalone/index.js";
import { build } from "esbuild";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const SHIPPED = join(ROOT, "registry/data/web/verifier.html");
const SCHEMA = join(ROOT, "registry/data/openbadges/schema/ob_v3p0_achievementcredential_schema.json");
const source = (name) => readFileSync(join(ROOT, "web/src", name), "utf8");

/** The official schema as code: compiled here, so that the page needs no eval. */
function makeSchemaCode() {
  const ajv = new Ajv2019.default({
    strict: false,
    validateFormats: false, // an annotation, as the draft has it
    inlineRefs: false,
    messages: false, // the page has its own words, in every language
    code: { source: true, esm: true, lines: true },
  });
  const annotations = (key, value) => (typeof value === "string" && /^(title|description|\$comment)$/.test(key) ? undefined : value);
  return standaloneCode.default(ajv, ajv.compile(JSON.parse(readFileSync(SCHEMA, "utf8"), annotations)));
}

const schemaCode = makeSchemaCode();

const schemaModule = {
  name: "open-badges-schema",
  setup(build) {
    build.onResolve({ filter: /^open-badges-schema$/ }, ({ path }) => ({ path, namespace: "generated" }));
    build.onLoad({ filter: /.*/, namespace: "generated" }, () => ({ contents: schemaCode, resolveDir: ROOT }));
  },
};

async function bundle(entry, options) {
  const result = await build({
    entryPoints: [join(ROOT, "web/src", entry)],
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    target: "es2023",
    charset: "utf8",
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "eof",
    logLevel: "warning",
    plugins: [schemaModule],
    ...options,
  });
  return result.outputFiles[0].text;
}

const digest = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

async function page() {
  const script = (await bundle("page/main.js", { format: "iife" })).replaceAll("</script", "<\\/script");
  const style = (await bundle("page/page.css", {})).trim();
  const policy = [
    "default-src 'none'",
    `script-src ${digest(script)}`,
    `style-src ${digest(style)}`,
    "img-src data:", // the empty icon, so that no browser looks for one
    "connect-src https: http:", // the nodes that the reader names, and nobody else is ever asked
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const parts = { POLICY: policy, STYLE: style, SCRIPT: script };
  return source("page/page.html").replace(/\{\{([A-Z]+)\}\}/g, (_, name) => parts[name]);
}

function write(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(`wrote ${relative(ROOT, file)}: ${Buffer.byteLength(text).toLocaleString("en")} bytes`);
}

const [folder] = process.argv.slice(2);
write(folder ? join(folder, "verifier.html") : SHIPPED, await page());
if (folder) write(join(folder, "core.mjs"), await bundle("core.js", { format: "esm" }));
