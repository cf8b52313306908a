// Times in credentials: XML Schema 1.1's dateTimeStamp (§3.4.28), as microseconds since 1970, UTC.

import { Fault } from "./fault.js";

const STAMP =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))$/;
const DAY = 86_400_000_000n;
const FIRST = midnight(1, 1, 1);
const LAST = midnight(9999, 12, 31) + DAY - 1n;

/**
 * Date, time and zone, all three; years 0001 to 9999; fractions are cut after microseconds; 24:00:00
 * is the next day's start. Throws Fault for anything else.
 * @param {unknown} text
 */
export function readMoment(text) {
  const match = typeof text === "string" ? STAMP.exec(text) : null;
  if (match === null) throw new Fault("not_a_moment");
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number);
  const fraction = BigInt((match[7] ?? "").padEnd(6, "0").slice(0, 6));
  const [zoneHours, zoneMinutes] = [Number(match[9] ?? 0), Number(match[10] ?? 0)];
  const zone = 60 * zoneHours + zoneMinutes;
  const dayEnds = hour === 24 && !minute && !second && !/[1-9]/.test(match[7] ?? "");
  if (zone > 14 * 60 || zoneMinutes > 59 || (hour > 23 && !dayEnds) || minute > 59 || second > 59)
    throw new Fault("no_such_moment");
  const seconds = BigInt(hour * 3600 + minute * 60 + second);
  const local = midnight(year, month, day) + seconds * 1_000_000n + (dayEnds ? 0n : fraction);
  const moment = local - BigInt(match[8] === "-" ? -zone : zone) * 60_000_000n;
  if ([local, moment].some((one) => one < FIRST || one > LAST)) throw new Fault("no_such_moment");
  return moment;
}

function midnight(year, month, day) {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) throw new Fault("no_such_moment");
  return BigInt(date.getTime()) * 1000n;
}

/** RFC 3339 in UTC, to the second. @param {bigint} moment microseconds */
export function stamp(moment) {
  const milliseconds = (moment - (((moment % 1000n) + 1000n) % 1000n)) / 1000n;
  return new Date(Number(milliseconds)).toISOString().replace(/\.\d+Z$/, "Z");
}

/** @param {number} seconds since 1970 */
export const ofUnix = (seconds) => BigInt(seconds) * 1_000_000n;
