import { eq } from "drizzle-orm";
import { db } from "../connect.ts";
import { credentials } from "../schema.ts";

/** Never cached: a hash has no business in a cache, and a changed password counts at once. */
export const credentialQueries = {
  async findHash(userId: string): Promise<string | null> {
    const [found] = await db()
      .select({ hash: credentials.passwordHash })
      .from(credentials)
      .where(eq(credentials.userId, userId));
    return found?.hash ?? null;
  },

  async setHash(userId: string, passwordHash: string): Promise<void> {
    await db()
      .insert(credentials)
      .values({ userId, passwordHash })
      .onConflictDoUpdate({ target: credentials.userId, set: { passwordHash } });
  },
};
