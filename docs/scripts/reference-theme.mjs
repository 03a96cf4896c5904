import { MarkdownTheme, MarkdownThemeContext } from "typedoc-plugin-markdown";

/**
 * A reference that reads like one: a signature says its types once, with links, so what it takes and returns has a section of its
 * own only where a comment says something about it.
 */
export class ReferenceTheme extends MarkdownTheme {
  /**
   * @param {any} page
   * @override
   */
  getRenderContext(page) {
    return new ReferenceContext(this, page, this.application.options);
  }
}

class ReferenceContext extends MarkdownThemeContext {
  /** @param {ConstructorParameters<typeof MarkdownThemeContext>} parameters */
  constructor(...parameters) {
    super(...parameters);
    Object.assign(this.partials, {
      /**
       * @param {import("typedoc").SignatureReflection} model
       * @param {{ headingLevel: number }} options
       */
      signatureReturns: (model, { headingLevel }) => {
        const returns = model.comment?.getTag("@returns");
        return returns
          ? `${"#".repeat(headingLevel)} Returns\n\n${this.helpers.getCommentParts(returns.content)}`
          : "";
      },
      /**
       * Members, one after the other: a heading for each kind of them would say what their signatures say.
       *
       * @param {import("typedoc").DeclarationReflection} model
       * @param {{ headingLevel: number }} options
       */
      groups: (model, { headingLevel }) =>
        (model.groups ?? [])
          .map(({ children }) =>
            this.partials.members(
              children.filter((child) => child.isDeclaration()),
              { headingLevel },
            ),
          )
          .join("\n\n"),
      /** What a member overrides or comes from says nothing to a caller. */
      inheritance: () => "",
    });
  }
}
