// What people give by mistake, told by its first bytes: none of it can be a credential as this page reads
// them, and "not UTF-8 in line 2" helps nobody.

const SIGNATURES = [
  ["pdf", "%PDF"],
  ["picture", "\x89PNG"],
  ["picture", "\xff\xd8\xff"],
  ["picture", "GIF8"],
  ["picture", "RIFF"],
  ["archive", "PK\x03\x04"],
  ["archive", "\x1f\x8b"],
  ["markup", "<"],
];

/**
 * A key of the catalogues without `kind.`; null for what may be a credential.
 * @param {Uint8Array} bytes
 */
export function kindOf(bytes) {
  const start = String.fromCharCode(...bytes.subarray(0, 2000)).trimStart();
  const [kind] = SIGNATURES.find(([, signature]) => start.startsWith(signature)) ?? [];
  if (kind) return kind;
  if (/^eyJ[\w-]*\.[\w-]*(\.|$)/.test(start)) return "jwt";
  return /^(#[^\n]*\s+)*\[+\s*trust\b/.test(start) ? "policy" : null;
}
