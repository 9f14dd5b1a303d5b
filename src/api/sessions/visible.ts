import { beachOf, type Principal } from "../../auth/principal.ts";
import type { BeachId } from "../../core/ids.ts";

/**
 * The part of the fleet that a listing or summary covers.
 *
 * @param asked empty for everything that the principal may see
 */
export function visible(
  principal: Principal,
  asked: BeachId,
): { readonly beachId: BeachId | undefined } | "nothing" {
  if (principal.reach.kind === "every") return { beachId: asked === "" ? undefined : asked };
  const own = beachOf(principal);
  return own !== undefined && (asked === "" || asked === own) ? { beachId: own } : "nothing";
}
