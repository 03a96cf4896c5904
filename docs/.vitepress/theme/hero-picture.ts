import { withBase } from "vitepress";
import { h, type VNode } from "vue";

/** What the demo looks like, beside the first words of the site. */
export function heroPicture(): VNode {
  return h("a", { class: "hero-picture", href: withBase("/overview.html") }, [
    h("img", {
      src: withBase("/demo.png"),
      width: 1360,
      height: 860,
      alt: "The console of the demo under load: reads with the cache and without, the hit rate, and no stale read",
    }),
  ]);
}
