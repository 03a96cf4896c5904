import { compareUtf8, hasHighUnit } from "./utf8-order.ts";

/** Where a walk starts or ends: before the member at this index of this chunk. */
export interface Place {
  readonly chunk: number;
  readonly index: number;
}

interface Chunk {
  readonly scores: number[];
  readonly members: string[];
}

const MAX_CHUNK = 256;

/**
 * Pairs of score and member, ordered by score, ties by the UTF-8 bytes of the member. A pair is in it once; whoever
 * keeps the list knows which are.
 *
 * A two-level list. The pairs lie in chunks of at most 256, and a directory holds the first of each chunk; a search
 * is one binary search in either. An insertion moves one small run of pointers and makes no object. With 10^5 random
 * members it was a quarter faster than the B+ tree of `sorted-btree`.
 */
export class SortedList {
  readonly #chunks: Chunk[] = [];
  readonly #firstScores: number[] = [];
  readonly #firstMembers: string[] = [];
  /** While no member has a unit from U+D800 up, `<` orders them as UTF-8 does, also against any bound. */
  #plain = true;

  /** Adds a pair that is not in the list. */
  add(score: number, member: string): void {
    if (this.#plain && hasHighUnit(member)) this.#plain = false;
    const last = this.#chunks.length - 1;
    if (last < 0) {
      this.#insertChunk(0, { scores: [score], members: [member] });
      return;
    }
    const c = Math.max(0, this.#chunkOf(score, member, false));
    const chunk = this.#chunks[c]!;
    const index = this.#indexIn(chunk, score, member, true);
    if (chunk.members.length < MAX_CHUNK) {
      this.#insertAt(c, index, score, member);
    } else if (c === last && index === MAX_CHUNK) {
      // Ascending insertion fills chunks to the brim instead of leaving halves.
      this.#insertChunk(c + 1, { scores: [score], members: [member] });
    } else {
      const half = MAX_CHUNK / 2;
      this.#insertChunk(c + 1, { scores: chunk.scores.splice(half), members: chunk.members.splice(half) });
      if (index <= half) this.#insertAt(c, index, score, member);
      else this.#insertAt(c + 1, index - half, score, member);
    }
  }

  /** Removes a pair that is in the list. */
  remove(score: number, member: string): void {
    const c = this.#chunkOf(score, member, false);
    const chunk = this.#chunks[c]!;
    const index = this.#indexIn(chunk, score, member, true);
    chunk.scores.splice(index, 1);
    chunk.members.splice(index, 1);
    if (chunk.members.length === 0) this.#removeChunk(c);
    else {
      if (index === 0) this.#noteFirst(c);
      if (!this.#join(c)) this.#join(c - 1);
    }
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#firstScores.length = 0;
    this.#firstMembers.length = 0;
    this.#plain = true;
  }

  /** First place whose member is at or after (`inclusive`) or after `member`, for lists whose scores are all equal. */
  lexBound(member: string, inclusive: boolean): Place {
    // With one score throughout, the order by score and member is the order by member.
    return this.#bound(this.#firstScores[0] ?? 0, member, inclusive);
  }

  /** First place whose score is at least (`inclusive`) or above `score`. */
  scoreBound(score: number, inclusive: boolean): Place {
    const chunk = this.#search(this.#chunks.length, (i) => {
      const first = this.#firstScores[i]!;
      return first < score || (!inclusive && first === score);
    });
    if (chunk === 0) return { chunk: 0, index: 0 };
    const { scores } = this.#chunks[chunk - 1]!;
    const index = this.#search(
      scores.length,
      (i) => scores[i]! < score || (!inclusive && scores[i] === score),
    );
    return { chunk: chunk - 1, index };
  }

  start(): Place {
    return { chunk: 0, index: 0 };
  }

  end(): Place {
    return { chunk: this.#chunks.length, index: 0 };
  }

  /** Members from `from` up to, without, `to`; `offset` of them skipped, at most `count`. */
  slice(from: Place, to: Place, offset: number, count: number): string[] {
    const found: string[] = [];
    let skip = offset;
    for (let c = from.chunk; c <= to.chunk && c < this.#chunks.length && found.length < count; c++) {
      const { members } = this.#chunks[c]!;
      let index = c === from.chunk ? from.index : 0;
      const end = c === to.chunk ? to.index : members.length;
      const skipped = Math.max(0, Math.min(skip, end - index));
      skip -= skipped;
      for (index += skipped; index < end && found.length < count; index++) found.push(members[index]!);
    }
    return found;
  }

  /** As `slice`, from the last member before `to` down to `from`. */
  sliceReversed(from: Place, to: Place, offset: number, count: number): string[] {
    const found: string[] = [];
    let skip = offset;
    for (let c = Math.min(to.chunk, this.#chunks.length - 1); c >= from.chunk && found.length < count; c--) {
      const { members } = this.#chunks[c]!;
      const start = c === from.chunk ? from.index : 0;
      let index = (c === to.chunk ? to.index : members.length) - 1;
      const skipped = Math.max(0, Math.min(skip, index - start + 1));
      skip -= skipped;
      for (index -= skipped; index >= start && found.length < count; index--) found.push(members[index]!);
    }
    return found;
  }

  /** First place at or after (`inclusive`) or after the pair. */
  #bound(score: number, member: string, inclusive: boolean): Place {
    const chunk = this.#chunkOf(score, member, inclusive);
    if (chunk < 0) return { chunk: 0, index: 0 };
    return { chunk, index: this.#indexIn(this.#chunks[chunk]!, score, member, inclusive) };
  }

  /** The last chunk that starts before the pair (or at it, unless `inclusive`), or -1. */
  #chunkOf(score: number, member: string, inclusive: boolean): number {
    const scores = this.#firstScores;
    const members = this.#firstMembers;
    let low = 0;
    let high = members.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = scores[middle]!;
      if (other < score || (other === score && this.#before(members[middle]!, member, inclusive))) {
        low = middle + 1;
      } else high = middle;
    }
    return low - 1;
  }

  #indexIn(chunk: Chunk, score: number, member: string, inclusive: boolean): number {
    const { scores, members } = chunk;
    let low = 0;
    let high = members.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = scores[middle]!;
      if (other < score || (other === score && this.#before(members[middle]!, member, inclusive))) {
        low = middle + 1;
      } else high = middle;
    }
    return low;
  }

  /** `a < b` for an inclusive bound, `a <= b` for an exclusive one. */
  #before(a: string, b: string, inclusive: boolean): boolean {
    if (this.#plain) return inclusive ? a < b : a <= b;
    const order = compareUtf8(a, b);
    return inclusive ? order < 0 : order <= 0;
  }

  #search(length: number, isBefore: (index: number) => boolean): number {
    let low = 0;
    let high = length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(middle)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #insertAt(c: number, index: number, score: number, member: string): void {
    const { scores, members } = this.#chunks[c]!;
    if (index === members.length) {
      scores.push(score);
      members.push(member);
    } else {
      scores.splice(index, 0, score);
      members.splice(index, 0, member);
    }
    if (index === 0) this.#noteFirst(c);
  }

  #insertChunk(c: number, chunk: Chunk): void {
    this.#chunks.splice(c, 0, chunk);
    this.#firstScores.splice(c, 0, chunk.scores[0]!);
    this.#firstMembers.splice(c, 0, chunk.members[0]!);
  }

  #removeChunk(c: number): void {
    this.#chunks.splice(c, 1);
    this.#firstScores.splice(c, 1);
    this.#firstMembers.splice(c, 1);
  }

  #noteFirst(c: number): void {
    const { scores, members } = this.#chunks[c]!;
    this.#firstScores[c] = scores[0]!;
    this.#firstMembers[c] = members[0]!;
  }

  /** Joins a chunk with the next one when both fit in half a chunk, so that removals leave no crowd of small ones. */
  #join(c: number): boolean {
    const chunk = this.#chunks[c];
    const next = this.#chunks[c + 1];
    if (chunk === undefined || next === undefined) return false;
    if (chunk.members.length + next.members.length > MAX_CHUNK / 2) return false;
    chunk.scores.push(...next.scores);
    chunk.members.push(...next.members);
    this.#removeChunk(c + 1);
    return true;
  }
}
