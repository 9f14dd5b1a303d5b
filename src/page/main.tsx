import { createRoot } from "react-dom/client";

import { systemClock } from "../client/index.ts";
import { BearerBox } from "./follow/bearer-box.ts";
import { Follower } from "./follow/follower.ts";
import { PageStore } from "./follow/page-store.ts";
import { App } from "./view/app.tsx";
import { PageContext } from "./view/page-context.ts";
import { createTicker } from "./view/ticker.ts";

/** The operators' page: it follows the service that it came from. */
const store = new PageStore(systemClock);
const follower = new Follower({
  baseUrl: location.origin,
  privateBeachId: new URLSearchParams(location.search).get("beach") ?? undefined,
  store,
  bearers: new BearerBox(),
  clock: systemClock,
});
const root = document.querySelector("#page");
if (root === null) throw new Error("the page has no place to be shown in");
createRoot(root).render(
  <PageContext value={{ store, follower, ticker: createTicker(systemClock) }}>
    <App />
  </PageContext>,
);
follower.start();
