import { type QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, describe, expect, it } from "vitest";
import { askAgain } from "./ask-again.ts";
import { makeQueryClient } from "./query-client.ts";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A query that somebody looks at, of a value that the test writes; each answer is made at once, and comes when the test lets it. */
function look() {
  const client = makeQueryClient();
  const row = { value: "old" };
  const answers: (() => void)[] = [];
  const observer = new QueryObserver(client, {
    queryKey: ["row"],
    queryFn: () => {
      const read = row.value;
      return new Promise<string>((resolve) => answers.push(() => resolve(read)));
    },
  });
  const unsubscribe = observer.subscribe(() => {});
  ends.push(() => {
    unsubscribe();
    client.clear();
  });
  const shown = () => client.getQueryData(["row"]);
  return { client, row, answers, shown };
}

/** What is asked for on the way of promises alone has been. */
const settled = () => new Promise((resolve) => setTimeout(resolve));

const WAYS = {
  askAgain: (client: QueryClient) => askAgain(client, () => true),
  invalidateQueries: (client: QueryClient) => client.invalidateQueries(),
};

describe("what was written while an answer was under way", () => {
  it.each([
    ["askAgain", "new"],
    // The control arm: what the library does by itself.
    ["invalidateQueries", "old"],
  ] as const)("of a first answer, %s leads to what is %s", async (way, expected) => {
    const { client, row, answers, shown } = look();
    row.value = "new";
    const asked = WAYS[way](client);
    answers.shift()?.();
    await settled();
    for (const answer of answers) answer();
    await asked;
    expect(shown()).toBe(expected);
  });

  it.each([
    ["askAgain", "seen"],
    ["invalidateQueries", undefined],
  ] as const)("changes that come faster than answers: with %s, %s", async (way, expected) => {
    const { client, answers, shown } = look();
    answers.shift()?.();
    await settled();
    client.setQueryData(["row"], "before");
    const turns = [];
    let isSeen = false;
    for (let turn = 0; turn < 5; turn++) {
      turns.push(WAYS[way](client));
      await settled();
      turns.push(WAYS[way](client));
      // The oldest of those that nobody has called off would be here now.
      answers[turn > 0 ? turn - 1 : 0]?.();
      await settled();
      isSeen ||= shown() !== "before";
    }
    for (const answer of answers) answer();
    await settled();
    for (const answer of answers) answer();
    await Promise.all(turns);
    expect(isSeen ? "seen" : undefined).toBe(expected);
  });

  it("is asked for once, however many changes there were", async () => {
    const { client, answers } = look();
    const asked = Promise.all([1, 2, 3].map(() => askAgain(client, () => true)));
    answers[0]?.();
    await settled();
    answers[1]?.();
    await asked;
    expect(answers).toHaveLength(2);
  });

  it("is asked for also when the answer that was under way fails", async () => {
    const client = makeQueryClient();
    const answers: PromiseWithResolvers<string>[] = [];
    const observer = new QueryObserver(client, {
      queryKey: ["row"],
      queryFn: () => {
        const answer = Promise.withResolvers<string>();
        answers.push(answer);
        return answer.promise;
      },
    });
    ends.push(
      observer.subscribe(() => {}),
      () => client.clear(),
    );
    const asked = askAgain(client, () => true);
    answers[0]?.reject(new Error("no"));
    await settled();
    answers[1]?.resolve("new");
    await asked;
    expect(client.getQueryData(["row"])).toBe("new");
  });
});
