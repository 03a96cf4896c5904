import type { Duration } from "./duration.ts";

/** What can happen to an entity. */
export type EntityEvent = "entity:created" | "entity:updated" | "entity:deleted";

/** One entity that has changed. */
export interface EntityChange {
  readonly event: EntityEvent;
  readonly entityType: string;
  readonly entityId: string;
  /** Whatever the application knows of the entity; relations may find ids in it. */
  readonly data: unknown;
}

/** Ids that a relation leads to; `undefined` when it is not known which, and then all of the entity are meant. */
export type RelatedIds = readonly string[] | string | undefined;

/** A step of the cascade, from the entity that has changed to one that is related to it. */
export interface EntityRelation<Name extends string = string> {
  readonly entity: Name;
  /**
   * Where the ids stand: names of fields of the change's `data`, with one id or an array of them, or `"$id"` for the id of
   * the changed entity. When no field is there `whenUnknown` decides. @default all of the related entity
   */
  readonly idFrom?: string | readonly string[] | undefined;
  /** Finds the ids in code. Its failure means all of the related entity; `undefined`, what `whenUnknown` says. */
  readonly ids?: ((change: EntityChange) => RelatedIds | Promise<RelatedIds>) | undefined;
  /**
   * What goes when no id is known: `"all"` of the related entity; `"collections"`, the patterns of its rule that do not hold
   * `{id}`, which are its lists and aggregates, and the cascade ends there; `"nothing"`. @default "all"
   */
  readonly whenUnknown?: "all" | "collections" | "nothing" | undefined;
}

/**
 * What a change of one entity invalidates. `{id}` in a pattern stands for the id of the entity, as data: whatever it
 * holds, it is no glob. Where the cascade comes to the entity without an id, `{id}` stands for every id.
 */
export interface EntityRule<Name extends string = string> {
  /** Redis globs (`*` crosses `:`). */
  readonly patterns: readonly string[];
  /** Entities whose rules apply as well. Followed `cascadeDepth` steps. */
  readonly relatedEntities?: readonly (Name | EntityRelation<Name>)[] | undefined;
  /**
   * The rule concerns one instance: whoever is related to this entity by name alone passes its own id on. As for what is
   * kept about a user. @default false
   */
  readonly scoped?: boolean | undefined;
  /** Marks entries stale instead of removing them, those that depend on the entity too. @default false */
  readonly soft?: boolean | undefined;
  /**
   * What entries depend on (`dependsOn`, `track`): `"together"` with the patterns, `"only"` instead of patterns and related
   * entities, `"off"`. @default the invalidator's
   */
  readonly dependencies?: "together" | "only" | "off" | undefined;
  /** Events of the cascade at which the sessions of the user with this id end. @default none */
  readonly endsSessions?: readonly EntityEvent[] | undefined;
  /** Runs after the invalidation, once for each changed entity of this rule. One that throws is reported and stops nobody. */
  readonly customHandler?:
    | ((entityId: string, data: unknown, change: EntityChange) => unknown | Promise<unknown>)
    | undefined;
  /** @default the invalidator's */
  readonly handlerTimeout?: Duration | undefined;
}

/** Rules by the name of the entity. */
export type EntityRules<Name extends string = string> = { readonly [Entity in Name]: EntityRule<Name> };
