import type { Attack } from "../../attack.ts";
import { holdOn, pause } from "../../tools/at-once.ts";
import { pathOf } from "../../tools/messages.ts";
import type { Outcomes } from "../../tools/outcomes.ts";
import { RawSocket } from "../../tools/raw-socket.ts";

/** What the door says that a request may take to arrive, and what it may be late by. */
const requestMsMax = 30_000;
const lateMsMax = 10_000;

/** Opens connections, begins a request on each, and goes on one byte a second. */
function slowly(name: string, sends: string, begin: string, form: Attack["form"]): Attack {
  return {
    name,
    sends,
    right: "closed after the 30 s that a request may take to arrive, with 408",
    form,
    secondsMin: (requestMsMax + lateMsMax) / 1000 + 2,
    async run({ addresses, outcomes, signal, wrong }) {
      const one = async (door: string, address: string): Promise<void> => {
        using connection = await RawSocket.open(address, { outcomes, signal });
        connection.onStatus((status) => outcomes.see(`${status}`));
        const begun = performance.now();
        await connection.send(begin);
        while (connection.isOpen && !signal.aborted) {
          await pause(1_000, signal);
          await connection.send("x");
        }
        const tookMs = performance.now() - begun;
        if (tookMs > requestMsMax + lateMsMax || connection.isOpen) {
          wrong(`on the ${door} door it was still open after ${Math.round(tookMs / 1000)} s`);
        } else outcomes.see("closed in time");
      };
      await Promise.all(
        Array.from({ length: 20 }, () => [
          one("public", addresses.http),
          one("ops", addresses.ops),
        ]).flat(),
      );
    },
  };
}

export const slowBody: Attack = slowly(
  "slow-body",
  "a head in time, then a body one byte a second, on the public and the ops door",
  `POST ${pathOf("renew")} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n`,
  "full",
);

export const slowHead: Attack = slowly(
  "slow-head",
  "a head one byte a second, on the public and the ops door",
  "POST / HTTP/1.1\r\nhost: h\r\nx-slow: ",
  "full",
);

const perDoor = 400;

export const silentConnections: Attack = {
  name: "silent-connections",
  sends:
    "200 connections to the public door that say nothing, where the process may open 120 files",
  right: "the other doors stay open, and the log says that descriptors have run out",
  form: "long",
  service: { openFilesMax: 120 },
  async run({ addresses, outcomes, signal }) {
    await silence([addresses.http], 200, outcomes, signal);
  },
};

export const silentEverywhere: Attack = {
  name: "silent-everywhere",
  sends: "400 connections to the gRPC door and to the public one that say nothing",
  right: "each costs little, and none of them stays for long",
  form: "long",
  async run({ addresses: { grpc, http }, outcomes, signal }) {
    await silence([grpc, http], perDoor, outcomes, signal);
  },
};

export const silentOperators: Attack = {
  name: "silent-operators",
  sends: "400 connections to the ops door that say nothing",
  right: "whoever asks whether the process lives is answered all the same",
  form: "full",
  async run({ addresses: { ops }, outcomes, signal }) {
    await silence([ops], perDoor, outcomes, signal);
  },
};

async function silence(
  addresses: readonly string[],
  each: number,
  outcomes: Outcomes,
  signal: AbortSignal,
): Promise<void> {
  const connections = await Promise.all(
    addresses.flatMap((address) =>
      Array.from({ length: each }, () => RawSocket.open(address, { outcomes, signal })),
    ),
  );
  await holdOn(signal);
  const open = connections.filter(({ isOpen }) => isOpen).length;
  outcomes.see("still open", open);
  for (const connection of connections) connection[Symbol.dispose]();
}

export const connectionChurn: Attack = {
  name: "connection-churn",
  sends: "connections to each door that are opened and cut at once, without pause",
  right: "each costs little and leaves nothing",
  form: "full",
  async run({ addresses: { grpc, http, ops }, outcomes, signal }) {
    const churn = async (address: string): Promise<void> => {
      while (!signal.aborted) {
        const connection = await RawSocket.open(address, { outcomes, signal });
        await connection.send("PRI * HTTP/2.0\r\n");
        connection.socket.resetAndDestroy();
        outcomes.see("cut");
      }
    };
    await Promise.all([grpc, http, ops, grpc, http, ops].map(churn));
  },
};
