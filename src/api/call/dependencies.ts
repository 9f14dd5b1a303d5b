import type { AttachCodes } from "../../auth/attach-codes.ts";
import type { Authenticator, Door } from "../../auth/authenticator.ts";
import type { PasscodeVerifier } from "../../auth/passcode.ts";
import type { PublishTokens } from "../../auth/publish-token.ts";
import type { Budgets } from "../../budget/budgets.ts";
import type { CallRates } from "../../budget/call-rates.ts";
import type { Places } from "../../budget/places.ts";
import type { SessionId } from "../../core/ids.ts";
import type { End } from "../../core/session.ts";
import type { DurationMs } from "../../core/time.ts";
import type { LeaseService } from "../../service/lease-service.ts";

/** The dependencies of every API implementation; one object per door. */
export interface ApiDependencies {
  readonly service: LeaseService;
  readonly authenticator: Authenticator;
  readonly passcodes: PasscodeVerifier;
  /** Receives the passcodes that callers with standing send. */
  readonly attachCodes: Pick<AttachCodes, "note">;
  /** Undefined where hosts are given no publish tokens. */
  readonly publishTokens: PublishTokens | undefined;
  readonly door: Door;
  readonly budgets: Budgets;
  /** How often each caller calls, at whichever door. */
  readonly callRates: CallRates;
  /** Where pages of ListSessions are made, at whichever door. */
  readonly pagePlaces: Places;
  /** The manager URL in offers when an attach named none. */
  readonly defaultManagerUrl: string;
  /** The longest hold that a revocation may ask for: the policy's. */
  readonly holdMsMax: DurationMs;
  /** The pace at which ends repeat reports in which nothing changed. */
  readonly reportEveryMs: DurationMs;
  /** Called with an end's last transport error, for the log only. */
  readonly onReportedError: (report: ReportedError) => void;
  /**
   * Called with an internal error of one item of a batch. Errors of a whole call go to its door.
   */
  readonly onItemFailed: (failure: ItemFailure) => void;
}

interface ItemFailure {
  readonly sessionId: SessionId;
  readonly error: unknown;
}

interface ReportedError {
  readonly sessionId: SessionId;
  readonly end: End;
  /** At most 256 characters, none of them control characters. */
  readonly text: string;
}
