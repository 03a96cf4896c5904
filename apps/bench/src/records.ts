/** A deterministic stream of numbers in [0, 1): every run and every contender sees the same data. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const WORDS =
  "renewal pricing pilot rollout contract procurement security review budget owner follow-up demo churn upsell quarter forecast integration legal invoice onboarding".split(
    " ",
  );

/** A deal of a CRM as JSON of about 1 KB (990 bytes in the mean, 733 to 1,275). */
export function createRecord(id: number): Record<string, unknown> {
  const random = createRandom(id + 1);
  const pick = () => WORDS[Math.floor(random() * WORDS.length)]!;
  const words = (count: number) => Array.from({ length: count }, pick).join(" ");
  const number = (max: number) => Math.floor(random() * max);
  return {
    id,
    title: `${pick()} ${pick()} ${number(10_000)}`,
    stage: ["lead", "qualified", "proposal", "won", "lost"][number(5)],
    amount: number(10_000_000) / 100,
    currency: "EUR",
    probability: number(100) / 100,
    company: {
      id: number(5_000),
      name: `${pick()} ${pick()} d.o.o.`,
      industry: pick(),
      employees: number(900),
    },
    contact: {
      id: number(20_000),
      name: `${pick()} ${pick()}`,
      email: `${pick()}.${number(9_999)}@example.com`,
      phone: `+38111${1_000_000 + number(8_999_999)}`,
    },
    owner: { id: number(200), name: `${pick()} ${pick()}`, team: number(20) },
    labels: Array.from({ length: 1 + number(5) }, pick),
    notes: words(28 + number(34)),
    history: Array.from({ length: 1 + number(4) }, () => ({
      at: 1_760_000_000_000 + number(1e10),
      field: pick(),
      to: pick(),
    })),
    archived: false,
    createdAt: 1_750_000_000_000 + number(1e10),
    updatedAt: 1_760_000_000_000 + number(1e10),
  };
}

/** Which of `count` keys to read next: rank r is read in proportion to 1 / r. */
export function createZipf(count: number, draws: number, seed: number): Uint16Array {
  const cumulative = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) {
    sum += 1 / (rank + 1);
    cumulative[rank] = sum;
  }
  const random = createRandom(seed);
  return Uint16Array.from({ length: draws }, () => {
    const target = random() * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulative[middle]! < target) low = middle + 1;
      else high = middle;
    }
    return low;
  });
}

/** Key of an entry; the glob `deals:<team>:*` covers the same 100 entries as the tag `team:<team>`. */
export function createKey(id: number): string {
  return `deals:${Math.floor(id / 100)}:${id}`;
}

/** Three tags of an entry; 100 of the `entries` share each, and each kind groups them differently. */
export function createTags(id: number, entries: number): readonly string[] {
  const scattered = (id * 7919) % entries;
  return [
    `team:${Math.floor(id / 100)}`,
    `owners:${id % (entries / 100)}`,
    `profiles:${Math.floor(scattered / 100)}`,
  ];
}
