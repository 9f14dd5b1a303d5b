import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

import type { ConnectionTurns } from "./connection-turns.ts";

/**
 * Has what follows from the end of an answer whose caller has left wait for a turn: thousands may
 * leave at once.
 */
export function leaveInTurn(
  response: ServerResponse,
  socket: Socket,
  turns: ConnectionTurns,
): void {
  const emit = response.emit.bind(response) as (...event: readonly unknown[]) => boolean;
  response.emit = (...event: readonly unknown[]) => {
    if (event[0] !== "close" || response.writableFinished) return emit(...event);
    turns.wait(socket, () => {
      emit(...event);
      return true;
    });
    return true;
  };
}
