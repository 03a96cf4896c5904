import { createHash } from "node:crypto";
import { checkKey, InvalidKeyError } from "@crm/cache-core";
import type { Subject } from "../create-rate-limiter.ts";

/**
 * The subject as it is counted. A middleware takes it from what a visitor sends, and a visitor must be able neither to cause an
 * error of the server nor to pass uncounted: a text that cannot be a key (too long, empty, with control characters) is counted by its
 * SHA-256. A token of more than 1,024 bytes is nothing unusual. What is no text is a mistake of the application, and is left as it is.
 */
export function countable(subject: Subject): Subject {
  if (typeof subject === "string") return nameOf(subject);
  if (typeof subject !== "object" || subject === null) return subject;
  return Object.fromEntries(Object.entries(subject).map(([by, name]) => [by, nameOf(name)]));
}

function nameOf(name: string): string {
  if (typeof name !== "string") return name;
  try {
    return checkKey(name);
  } catch (error) {
    if (!InvalidKeyError.isInstance(error)) throw error;
    // By code units: in UTF-8 lone surrogates would all be the same.
    return `sha256:${createHash("sha256").update(name, "utf16le").digest("base64url")}`;
  }
}
