import { type Context, createContext, createElement, type ReactNode, useContext } from "react";

import type { LeaseClient } from "../tile/lease-client.ts";

const ClientContext: Context<LeaseClient | undefined> = createContext<LeaseClient | undefined>(
  undefined,
);

export interface ControllerLeaseProviderProps {
  /** One for the whole page, made outside of any component. */
  readonly client: LeaseClient;
  readonly children?: ReactNode;
}

/** Gives the client to every tile below. */
export function ControllerLeaseProvider(props: ControllerLeaseProviderProps): ReactNode {
  const { client, children } = props;
  return createElement(ClientContext.Provider, { value: client }, children);
}

export function useLeaseClient(): LeaseClient {
  const client = useContext(ClientContext);
  if (client === undefined) {
    throw new Error("no lease client: put the component inside a ControllerLeaseProvider");
  }
  return client;
}
