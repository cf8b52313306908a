// Official Open Badges 3.0 schema (1EdTech, JSON Schema 2019-09), compiled when the page is built.
// `format` is an annotation, as the draft has it: whether a date exists is for those who use it.

import validate from "open-badges-schema";

const TYPES = ["OpenBadgeCredential", "AchievementCredential"];
// As the schema spells it: 3.0's own context and its patch versions.
const CONTEXT = /^https:\/\/purl\.imsglobal\.org\/spec\/ob\/v3p0\/context(-3\.[0-9]\.[0-9])*\.json$/;

/**
 * What the schema finds at fault first; null if nothing; undefined where no schema is known for this
 * document's type and context, which is neither valid nor invalid.
 * @param {import("./strict-json.js").JsonObject} document
 * @returns {{pointer: string, rule: string} | null | undefined}
 */
export function schemaFault(document) {
  const types = texts(document.type).some((type) => TYPES.includes(type));
  const context = texts(document["@context"]).some((text) => CONTEXT.test(text));
  if (!types || !context) return undefined;
  if (validate(document)) return null;
  const [{ instancePath, keyword, params }] = validate.errors;
  const missing = keyword === "required" ? `/${params.missingProperty}` : "";
  return { pointer: instancePath + missing, rule: keyword };
}

const texts = (value) => [value].flat().filter((one) => typeof one === "string");
