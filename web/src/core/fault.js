// Why something was refused: a code of the catalogues (`fault.<code>`), its values, and the place.

/** What cannot be read, or contradicts itself. Never thrown for a bug of ours. */
export class Fault extends Error {
  /**
   * @param {string} code key of the catalogues, without `fault.`
   * @param {Record<string, unknown>} [values] for the placeholders of its text
   * @param {{line?: number, column?: number, pointer?: string}} [place] lines and columns from 1, in
   *   characters; pointer: RFC 6901
   */
  constructor(code, values = {}, place = {}) {
    super(`${code} ${place.pointer ?? ""}`.trim());
    this.code = code;
    this.values = values;
    this.place = place;
  }
}

/**
 * One step of a path as RFC 6901 writes it.
 * @param {readonly (string | number)[]} path
 */
export const pointer = (path) =>
  path.map((part) => "/" + String(part).replaceAll("~", "~0").replaceAll("/", "~1")).join("");
