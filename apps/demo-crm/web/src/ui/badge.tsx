const TONES: Readonly<Record<string, string>> = {
  ...{ Won: "good", done: "good", accepted: "good", qualified: "good", applied: "good" },
  ...{ Lost: "bad", lost: "bad", declined: "bad", pending: "warn", paused: "warn" },
  ...{ Engaging: "info", doing: "info", issued: "info", active: "info", contacted: "info" },
};

/** A word from a fixed list: a stage, a status. */
export const Badge = ({ children }: { children: string }) => (
  <span className={`badge ${TONES[children] ?? ""}`}>{children}</span>
);

/** Beside every row that no source names. */
export const MadeUp = () => (
  <span className="made-up" title="Made up, deterministically, from the imported data; no source names it">
    made up
  </span>
);
