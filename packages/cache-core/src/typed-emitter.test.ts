import { describe, expect, it } from "vitest";
import { TypedEmitter } from "./typed-emitter.ts";

interface Events {
  "door:opened": { readonly by: string };
  "door:closed": object;
}

function makeEmitter(): { emitter: TypedEmitter<Events>; errors: unknown[] } {
  const errors: unknown[] = [];
  const emitter = new TypedEmitter<Events>({ "door:opened": true, "door:closed": true }, (error) =>
    errors.push(error),
  );
  return { emitter, errors };
}

describe("TypedEmitter", () => {
  it("tells every listener of an event, and nobody who has ended", () => {
    const { emitter } = makeEmitter();
    const heard: string[] = [];
    const end = emitter.on("door:opened", ({ by }) => heard.push(`one ${by}`));
    emitter.on("door:opened", ({ by }) => heard.push(`two ${by}`));
    emitter.emit("door:opened", () => ({ by: "Ana" }));
    end();
    end();
    emitter.emit("door:opened", () => ({ by: "Bo" }));
    expect(heard).toEqual(["one Ana", "two Ana", "two Bo"]);
  });

  it("builds no payload for nobody", () => {
    const { emitter } = makeEmitter();
    let built = 0;
    const payload = (): object => ({ built: ++built });
    emitter.emit("door:closed", payload);
    const end = emitter.on("door:closed", () => {});
    emitter.emit("door:closed", payload);
    end();
    emitter.emit("door:closed", payload);
    expect(built).toBe(1);
  });

  it("a listener that throws or rejects hinders nobody, and is told of", async () => {
    const { emitter, errors } = makeEmitter();
    const heard: string[] = [];
    emitter.on("door:opened", () => {
      throw new Error("thrown");
    });
    emitter.on("door:opened", async () => {
      throw new Error("rejected");
    });
    emitter.on("door:opened", ({ by }) => heard.push(by));
    emitter.emit("door:opened", () => ({ by: "Ana" }));
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toEqual(["Ana"]);
    expect(errors.map((error) => (error as Error).message)).toEqual(["thrown", "rejected"]);
  });

  it("refuses events that there are not, and listeners that are no functions", () => {
    const { emitter } = makeEmitter();
    for (const [event, handler] of [
      ["door:locked", () => {}],
      ["toString", () => {}],
      ["door:opened", undefined],
    ] as const) {
      expect(() => emitter.on(event as "door:opened", handler as () => void)).toThrow(
        expect.objectContaining({ code: "INVALID_OPTION" }),
      );
    }
  });
});
