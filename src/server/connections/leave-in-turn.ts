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

/** What Node keeps of HTTP/1.1 at a socket while it parses what comes by it. */
interface Parsed {
  readonly parser?: object | null;
}

/**
 * Has the end of a connection of HTTP/1.1 wait for a turn, where its caller has ended it: Node would
 * give up what is under way and close it, thousands in one turn.
 */
export function endConnectionInTurn(socket: Socket, turns: ConnectionTurns): void {
  for (const onEnd of socket.listeners("end") as (() => void)[]) {
    if (!onEnd.name.endsWith("socketOnEnd")) continue;
    socket.removeListener("end", onEnd);
    socket.on("end", () =>
      turns.begin(socket, () => {
        // Without it the connection has closed, or is none of HTTP any more.
        if (!(socket as Parsed).parser) return false;
        onEnd();
        return true;
      }),
    );
  }
}
