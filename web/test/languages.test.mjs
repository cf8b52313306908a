// Every language says everything: the same keys, the same placeholders, and no key that the code lacks.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const SOURCES = join(import.meta.dirname, "../src");
const FOLDER = join(SOURCES, "languages");
const NAMES = readdirSync(FOLDER).map((file) => file.replace(".js", ""));
const catalogues = Object.fromEntries(
  await Promise.all(NAMES.map(async (name) => [name, (await import(join(FOLDER, `${name}.js`))).default])),
);
const placeholders = (text) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

test("English and at least three more, one of them right to left", () => {
  assert.ok(NAMES.length >= 4);
  assert.ok(NAMES.includes("en") && NAMES.includes("ar"));
});

for (const name of NAMES)
  test(`${name}: the keys and placeholders of English, and no empty text`, () => {
    const { en, [name]: words } = catalogues;
    assert.deepEqual(Object.keys(words), Object.keys(en));
    for (const [key, text] of Object.entries(words)) {
      assert.deepEqual(placeholders(text), placeholders(en[key]), key);
      assert.equal(text.trim() === "", en[key].trim() === "", key);
    }
  });

test("no two languages share a long text", () => {
  for (const [key, text] of Object.entries(catalogues.en))
    if (text.length > 30 && !/^\{\w+\}$/.test(text))
      assert.equal(new Set(NAMES.map((name) => catalogues[name][key])).size, NAMES.length, key);
});

test("every key that the code can ask for is there, and none that it cannot", () => {
  const files = readdirSync(SOURCES, { recursive: true }).filter((file) => /^(core|page)\/.*\.(js|html)$/.test(file));
  const code = files.map((file) => readFileSync(join(SOURCES, file), "utf8")).join("\n");
  const keys = Object.keys(catalogues.en);
  for (const [, fault] of code.matchAll(/new Fault\(\s*"(\w+)"/g))
    if (fault !== "proof_option" && fault !== "not_a_did_document") assert.ok(keys.includes(`fault.${fault}`), fault);
  const groups = new Set(keys.filter((key) => key.includes(".")).map((key) => key.split(".")[0]));
  const asked = [...code.matchAll(/"(\w+)\.(\w+)"/g)].filter(([, group]) => groups.has(group));
  assert.ok(asked.length > 100);
  for (const [, group, rest] of asked) assert.ok(keys.includes(`${group}.${rest}`), `${group}.${rest}`);
  const composed = /^(verdict|outcome|step|next|fact|source|signature|fault|standing|validity|status|change|kind|theme|chain)\./;
  for (const key of keys) assert.ok(composed.test(key) || code.includes(`"${key}"`), `nobody says ${key}`);
  for (const [, fault] of keys.map((key) => key.split("fault.")).filter(([first, rest]) => first === "" && rest))
    assert.ok(code.includes(`"${fault}"`), `nobody refuses for ${fault}`);
});
