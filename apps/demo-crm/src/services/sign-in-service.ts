import { randomBytes } from "node:crypto";
import { hash, verify } from "@node-rs/argon2";
import { cache } from "../cache/index.ts";
import { credentialQueries } from "../db/queries/credentials.ts";
import { userQueries } from "../db/queries/users.ts";

/** Eight hours from the last sign of life; a session that is used stays. */
export const SESSION_TTL_SECONDS = 8 * 3600;

export interface SignedIn {
  readonly sessionId: string;
  readonly userId: string;
}

// Argon2id with 19 MiB and two passes, the library's default and OWASP's first choice; it runs off this thread.
let nobody: Promise<string> | undefined;

class SignInService {
  /** A new session, or `null`: who does not exist and whose password is wrong look the same, and take as long. */
  async signIn(userId: string, password: string): Promise<SignedIn | null> {
    nobody ??= hash(randomBytes(16));
    const known = await credentialQueries.findHash(userId);
    const matches = await verify(known ?? (await nobody), password);
    if (known === null || !matches) return null;
    const session = await cache.sessions.create(userId, {}, SESSION_TTL_SECONDS);
    return { sessionId: session.id, userId };
  }

  async find(sessionId: string): Promise<SignedIn | null> {
    const session = await cache.sessions.read(sessionId);
    return session && { sessionId, userId: session.userId };
  }

  async keep(sessionId: string): Promise<void> {
    await cache.sessions.touch(sessionId);
  }

  async signOut(sessionId: string): Promise<void> {
    await cache.sessions.destroy(sessionId);
  }

  /** For the accounts that the demo makes. Resolves to whether the user exists. */
  async setPassword(userId: string, password: string): Promise<boolean> {
    if (!(await userQueries.findById(userId))) return false;
    await credentialQueries.setHash(userId, await hash(password));
    return true;
  }
}

export const signInService = new SignInService();
