import {
  type Company,
  type contacts,
  type Deal,
  LEAD_SOURCES,
  LEAD_STATUSES,
  type leads,
  type milestones,
  type projects,
  type quoteCounters,
  type quotes,
  type tasks,
  type User,
} from "./schema.ts";
import { seededRandom } from "./seeded-random.ts";

const FIRST = [
  "Ada",
  "Ben",
  "Carla",
  "Dario",
  "Elena",
  "Farid",
  "Grace",
  "Hugo",
  "Ines",
  "Jonas",
  "Kaja",
  "Lars",
];
const LAST = [
  "Adler",
  "Brandt",
  "Costa",
  "Dahl",
  "Evans",
  "Fischer",
  "Grant",
  "Horvat",
  "Ilić",
  "Jensen",
  "Kovač",
];
const TITLES = ["Chief executive", "Head of purchasing", "Engineer", "Office manager", "Finance"];
const MILESTONES = ["Kick-off", "Delivery", "Acceptance"];
const TASKS = ["Prepare the site", "Order the parts", "Train the users", "Move the data", "Write the report"];
const QUOTE_CHANCE = 0.05;
const PROJECTS_A_COMPANY = 2;

export interface Imported {
  readonly companies: readonly Company[];
  readonly users: readonly User[];
  readonly deals: readonly Deal[];
}

export interface Work {
  readonly contacts: (typeof contacts.$inferInsert)[];
  readonly leads: (typeof leads.$inferInsert)[];
  readonly projects: (typeof projects.$inferInsert)[];
  readonly milestones: (typeof milestones.$inferInsert)[];
  readonly tasks: (typeof tasks.$inferInsert)[];
  readonly quotes: (typeof quotes.$inferInsert)[];
  readonly quoteCounters: (typeof quoteCounters.$inferInsert)[];
}

/**
 * What the source does not have: contacts, leads, projects with milestones and tasks, and quotes, made up from its
 * companies, users and deals. Every row says `generated`. Pure, and the same for the same import: each row's chance comes
 * from the id of the row that it is made for.
 */
export function makeUpWork({ companies, users, deals }: Imported): Work {
  const work: Work = {
    contacts: [],
    leads: [],
    projects: [],
    milestones: [],
    tasks: [],
    quotes: [],
    quoteCounters: [],
  };
  const generated = true;

  for (const { id: companyId } of companies) {
    const random = seededRandom(companyId);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
    for (let at = 1; at <= 2 + Math.floor(random() * 3); at++) {
      const [first, last] = [pick(FIRST), pick(LAST)];
      const contact = {
        id: `${companyId}-contact-${at}`,
        companyId,
        name: `${first} ${last}`,
        title: pick(TITLES),
        // A domain that no one can own (RFC 2606).
        email: `${ascii(first)}.${ascii(last)}@${companyId}.example`,
        phone: `+1 555 01${String(Math.floor(random() * 100)).padStart(2, "0")}`,
        generated,
      };
      work.contacts.push(contact);
      if (random() < 0.6)
        work.leads.push({
          id: `${contact.id}-lead`,
          name: `${contact.name}: ${pick(["renewal", "second site", "larger plan", "first talk"])}`,
          contactId: contact.id,
          ownerId: pick(users).id,
          source: pick(LEAD_SOURCES),
          status: pick(LEAD_STATUSES),
          score: Math.floor(random() * 101),
          receivedOn: addDays("2017-01-01", Math.floor(random() * 365)),
          generated,
        });
    }
  }

  const projectsOf = new Map<string, number>();
  for (const deal of deals) {
    const { id, companyId, userId, stage, closeDate } = deal;
    if (stage !== "Won" || companyId === null || closeDate === null) continue;
    const before = projectsOf.get(companyId) ?? 0;
    if (before >= PROJECTS_A_COMPANY) continue;
    projectsOf.set(companyId, before + 1);
    const random = seededRandom(id);
    const projectId = `project-${id.toLowerCase()}`;
    const isDone = random() < 0.5;
    work.projects.push({
      id: projectId,
      name: `Roll-out of ${id}`,
      companyId,
      dealId: id,
      ownerId: userId,
      status: isDone ? "done" : "active",
      startsOn: closeDate,
      endsOn: isDone ? addDays(closeDate, 90) : null,
      generated,
    });
    for (const [at, name] of MILESTONES.entries()) {
      const dueOn = addDays(closeDate, 30 * (at + 1));
      const reachedOn = isDone || at === 0 ? dueOn : null;
      work.milestones.push({ id: `${projectId}-m${at + 1}`, projectId, name, dueOn, reachedOn, generated });
    }
    for (const [at, title] of TASKS.entries()) {
      const status = isDone ? "done" : (["open", "doing", "done"] as const)[Math.floor(random() * 3)]!;
      const assigneeId = users[Math.floor(random() * users.length)]!.id;
      const dueOn = addDays(closeDate, 14 * (at + 1));
      work.tasks.push({
        id: `${projectId}-t${at + 1}`,
        projectId,
        title,
        assigneeId,
        status,
        dueOn,
        generated,
      });
    }
  }

  const last = new Map<number, number>();
  const engaged = deals.filter((deal) => deal.engageDate !== null && deal.companyId !== null);
  for (const deal of [...engaged].sort(byEngageDate)) {
    const random = seededRandom(`quote ${deal.id}`);
    if (random() >= QUOTE_CHANCE) continue;
    const quote = {
      id: `quote-${deal.id.toLowerCase()}`,
      dealId: deal.id,
      companyId: deal.companyId,
      amount: deal.closeValue || 500 + Math.floor(random() * 5_000),
      validUntil: addDays(deal.engageDate!, 60),
      generated,
    };
    if (deal.stage === "Engaging") {
      work.quotes.push({ ...quote, status: "draft" });
      continue;
    }
    const year = Number(deal.engageDate!.slice(0, 4));
    const next = (last.get(year) ?? 0) + 1;
    last.set(year, next);
    const status = deal.stage === "Won" ? "accepted" : "declined";
    work.quotes.push({ ...quote, status, number: quoteNumber(year, next), issuedOn: deal.engageDate });
  }
  for (const [year, number] of last) work.quoteCounters.push({ year, last: number, fence: 0 });
  return work;
}

/** `2017-0042` */
export const quoteNumber = (year: number, number: number): string =>
  `${year}-${String(number).padStart(4, "0")}`;

function byEngageDate(a: Deal, b: Deal): number {
  return a.engageDate! < b.engageDate! || (a.engageDate === b.engageDate && a.id < b.id) ? -1 : 1;
}

function addDays(date: string, days: number): string {
  return new Date(Date.parse(date) + days * 86_400_000).toISOString().slice(0, 10);
}

function ascii(name: string): string {
  return name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}
