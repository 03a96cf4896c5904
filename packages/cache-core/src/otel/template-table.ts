/** What is counted for one template. */
export interface TemplateCounts {
  readonly template: string;
  memory: number;
  store: number;
  stale: number;
  miss: number;
  fetches: number;
  fetchSeconds: number;
  waits: number;
  revoked: number;
}

/** Where everything is counted that has no template, or one too many. */
export const OTHER = "other";

/** The series that one template may become: a number for each count above. */
export const SERIES_OF_A_TEMPLATE = 8;

const MAX_TEMPLATE_LENGTH = 200;

/**
 * Counts by template, in bounded memory: a template is counted whole or, once there are as many as fit, as `other`. First
 * come, first served; none ever leaves, for a counter must not go backwards.
 */
export class TemplateTable {
  readonly #templateOf: (key: string) => string | undefined;
  readonly #maxTemplates: number;
  readonly #counts = new Map<string, TemplateCounts>();
  readonly #other: TemplateCounts = zero(OTHER);

  /** @param maxTemplates `other` included */
  constructor(templateOf: (key: string) => string | undefined, maxTemplates: number) {
    this.#templateOf = templateOf;
    this.#maxTemplates = maxTemplates;
    this.#counts.set(OTHER, this.#other);
  }

  of(key: string): TemplateCounts {
    const template = this.#templateOf(key);
    if (typeof template !== "string" || template === "") return this.#other;
    const known = this.#counts.get(template);
    if (known !== undefined) return known;
    if (this.#counts.size >= this.#maxTemplates || template.length > MAX_TEMPLATE_LENGTH) return this.#other;
    const counts = zero(template);
    this.#counts.set(template, counts);
    return counts;
  }

  values(): Iterable<TemplateCounts> {
    return this.#counts.values();
  }
}

function zero(template: string): TemplateCounts {
  return {
    template,
    memory: 0,
    store: 0,
    stale: 0,
    miss: 0,
    fetches: 0,
    fetchSeconds: 0,
    waits: 0,
    revoked: 0,
  };
}
