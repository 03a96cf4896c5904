export interface Head {
  readonly title: string;
  readonly text?: string;
}

/** What stands above each page, whatever its data are: so it is seen with the first paint, and is the largest thing that is. */
export const HEADS = {
  overview: { title: "Overview", text: "Opportunities of a fictitious hardware vendor, 2016 and 2017." },
  companies: {
    title: "Companies",
    text: "The customers that the source names, and those that were added here.",
  },
  deals: {
    title: "Deals",
    text: "The newest of each stage. Move a card with its menu, or drag it; every open window follows.",
  },
  contacts: {
    title: "Contacts",
    text: "The source has no contacts: those marked so are made up from its companies.",
  },
  tasks: { title: "Tasks", text: "Work on the projects of won deals, made up from them." },
  leads: { title: "Leads", text: "The source has none: these are made up." },
  quotes: {
    title: "Quotes",
    text: "Made up from the deals. A draft gets the next number of its year under a lock: once, and without a gap.",
  },
  console: { title: "Cache console" },
} as const satisfies Readonly<Record<string, Head>>;
