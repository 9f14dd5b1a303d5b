import { type Context, createContext, use, useSyncExternalStore } from "react";

import type { Follower } from "../follow/follower.ts";
import type { PageStore } from "../follow/page-store.ts";
import type { PageState } from "../model/page-state.ts";
import type { Ticker } from "./ticker.ts";

/** What every part of the page may need. */
interface PageParts {
  readonly store: PageStore;
  readonly follower: Follower;
  readonly ticker: Ticker;
}

export const PageContext: Context<PageParts | undefined> = createContext<PageParts | undefined>(
  undefined,
);

export function usePageParts(): PageParts {
  const parts = use(PageContext);
  if (parts === undefined) throw new Error("this is shown outside of the page");
  return parts;
}

export function usePageState(): PageState {
  const { store } = usePageParts();
  return useSyncExternalStore(store.subscribe, store.state);
}

/** The page's wall clock in milliseconds; it ticks twice a second. */
export function useNowMs(): number {
  const { ticker } = usePageParts();
  return useSyncExternalStore(ticker.subscribe, ticker.nowMs);
}
