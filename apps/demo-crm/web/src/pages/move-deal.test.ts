import { describe, expect, it } from "vitest";
import type { Deal } from "../api/types.ts";
import { changeFor } from "./move-deal.ts";

const open = { id: "A", stage: "Engaging", engageDate: "2017-01-02", closeDate: null, closeValue: null };
const won = { ...open, stage: "Won", closeDate: "2017-03-01", closeValue: 500 };

describe("moving a deal", () => {
  it("sends the stage, and what it needs", () => {
    const values = { closeDate: "2017-03-01", closeValue: 500 };
    expect(changeFor({ deal: open as Deal, to: "Won", values })).toEqual({ stage: "Won", ...values });
    expect(changeFor({ deal: open as Deal, to: "Prospecting" })).toEqual({ stage: "Prospecting" });
  });

  it("takes the date and the value away when it opens a closed deal again", () => {
    expect(changeFor({ deal: won as Deal, to: "Engaging" })).toEqual({
      stage: "Engaging",
      closeDate: null,
      closeValue: null,
    });
  });
});
