/** What happens to the page that a program runs in. */
export interface PageEvents {
  readonly isHidden: boolean;
  /** Calls the listener from now on; returns a function that ends that. */
  listen(listener: (event: PageEvent) => void): () => void;
}

export type PageEvent =
  | "hidden"
  | "visible"
  /** The page goes away: only what is begun now still leaves. */
  | "leaving"
  /** The browser kept the page and shows it again. */
  | "returned"
  /** The machine woke up, or is back on the network. */
  | "awake";

interface Target {
  addEventListener(type: string, listener: (event: object) => void): void;
  removeEventListener(type: string, listener: (event: object) => void): void;
}

interface PageScope extends Target {
  readonly document: Target & { readonly visibilityState: string };
}

/** The page that this runs in. Outside of a browser nothing ever happens to it. */
export function browserPage(): PageEvents {
  const scope = globalThis as unknown as Partial<PageScope>;
  return isPage(scope) ? pageOf(scope) : { isHidden: false, listen: () => () => undefined };
}

function isPage(scope: Partial<PageScope>): scope is PageScope {
  return scope.document !== undefined && scope.addEventListener !== undefined;
}

function pageOf(scope: PageScope): PageEvents {
  const { document } = scope;
  return {
    get isHidden() {
      return document.visibilityState === "hidden";
    },
    listen(listener) {
      const listened: readonly (readonly [Target, string, (event: object) => void])[] = [
        [
          document,
          "visibilitychange",
          () => listener(document.visibilityState === "hidden" ? "hidden" : "visible"),
        ],
        // Chrome, when it thaws a page that it had frozen.
        [document, "resume", () => listener("awake")],
        [scope, "online", () => listener("awake")],
        [scope, "pagehide", () => listener("leaving")],
        [scope, "pageshow", (event) => isKept(event) && listener("returned")],
      ];
      for (const [target, type, call] of listened) target.addEventListener(type, call);
      return () => {
        for (const [target, type, call] of listened) target.removeEventListener(type, call);
      };
    },
  };
}

/** Every page is shown once when it is loaded; only a kept one comes back with its state. */
function isKept(event: object): boolean {
  return "persisted" in event && event.persisted === true;
}
