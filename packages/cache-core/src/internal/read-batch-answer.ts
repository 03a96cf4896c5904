import { InvalidFetcherError } from "../errors.ts";

/** Brings the answer of a batch fetcher into one form: what it gave, by key. @throws InvalidFetcherError */
export function readBatchAnswer(answer: unknown, keys: readonly string[]): ReadonlyMap<string, unknown> {
  if (answer instanceof Map) return answer;
  if (!Array.isArray(answer) || answer.length !== keys.length) {
    throw new InvalidFetcherError({
      received: answer,
      parameter: "fetcher",
      expected: `a Map, or an array of ${keys.length} values in the order of the keys`,
    });
  }
  return new Map(keys.map((key, i) => [key, answer[i]]));
}
