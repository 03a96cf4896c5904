import { describe, expect, it } from "vitest";
import { checkRegister, type RegisterWrite } from "./support/check-register.ts";

const write = (
  value: string,
  seen: string,
  fence: number,
  accepted: boolean,
  asked: number,
  answered: number,
): RegisterWrite => ({ value, seen, fence, accepted, asked, answered });

describe("the checker of fenced registers", () => {
  it("finds nothing wrong with a history that has an order", () => {
    const history = [
      write("b", "a", 2, true, 3, 6),
      write("a", "", 1, true, 1, 2),
      write("stale", "b", 1, false, 0, 9),
      write("c", "dead", 4, true, 7, 8),
    ];
    expect(checkRegister(history, new Map([["dead", { fence: 3, seen: "b" }]]))).toEqual([]);
  });

  it("finds a stale write that was accepted", () => {
    const history = [write("a", "", 2, true, 1, 2), write("b", "a", 1, true, 3, 4)];
    expect(checkRegister(history)).toEqual(["b was accepted with the stale fence 1 after 2"]);
  });

  it("finds a write that was refused without reason, and one that went against time", () => {
    expect(checkRegister([write("a", "", 2, true, 1, 2), write("b", "a", 2, false, 3, 4)])).toEqual([
      "b was refused with fence 2, not below 2",
    ]);
    expect(checkRegister([write("a", "", 1, true, 5, 6), write("b", "a", 2, true, 1, 2)])).toEqual([
      "b was answered before one that stands earlier was asked",
    ]);
  });

  it("finds a lost write, and one that nobody made", () => {
    expect(checkRegister([write("a", "", 1, true, 1, 2), write("b", "", 2, true, 3, 4)])).toEqual([
      'b and a both replaced ""',
      "1 writes have no place in the order",
    ]);
    expect(checkRegister([write("b", "ghost", 2, true, 3, 4)])).toEqual([
      "1 writes have no place in the order",
    ]);
  });
});
