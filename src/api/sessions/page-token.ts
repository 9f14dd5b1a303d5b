import type { BeachId, SessionId } from "../../core/ids.ts";
import { idFault } from "../request/field-rules.ts";

/** Where the next page of a listing begins. No id holds a `/`, so it can stand between two. */
export function writePageToken(beachId: BeachId, last: SessionId): string {
  return Buffer.from(`${beachId}/${last}`).toString("base64url");
}

/**
 * The last session of the page before; undefined for a token of another listing or an invented one.
 */
export function readPageToken(token: string, beachId: BeachId): SessionId | undefined {
  const text = Buffer.from(token, "base64url").toString();
  const last = text.slice(beachId.length + 1);
  const genuine = idFault(last) === undefined && writePageToken(beachId, last) === token;
  return genuine ? last : undefined;
}
