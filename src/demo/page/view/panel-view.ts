import { current, type Story } from "../../pong/story.ts";
import { silenceOf } from "../model/plot.ts";
import type { RecentPictures } from "../model/recent.ts";
import { lengthOfTime, standingNote, standingOf, standingWords, sumsRows } from "../model/words.ts";
import { find, say } from "./find.ts";

/** What is said in words and figures. */
export class PanelView {
  readonly #page: HTMLElement = find("#page");
  readonly #path: Element = find("#path");
  readonly #pathNote: Element = find("#path-note");
  readonly #latency: Element = find("#latency");
  readonly #pictures: Element = find("#pictures");
  readonly #frozen: HTMLElement = find("#frozen");
  readonly #leftPlayer: Element = find("#left-player");
  readonly #old: Element = find("#old");
  readonly #cells: readonly (readonly [HTMLTableCellElement, HTMLTableCellElement])[];

  constructor() {
    const body = find<HTMLTableSectionElement>("#sums");
    this.#cells = sumsRows.map(({ name, note }) => {
      const row = body.insertRow();
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = name;
      const more = document.createElement("span");
      more.className = "sub";
      more.textContent = note;
      head.append(more);
      row.append(head);
      return [row.insertCell(), row.insertCell()] as const;
    });
  }

  draw(story: Story, recent: RecentPictures, now: number): void {
    const standing = standingOf(story, now);
    const regime = current(story.regimes) ?? "ours";
    this.#page.dataset.path = standing;
    this.#page.dataset.regime = regime;
    this.#old.setAttribute("aria-checked", String(regime === "old"));
    say(this.#path, standingWords[standing]);
    say(this.#pathNote, standingNote(story, standing));
    const silent = silenceOf(story, now);
    const typical = recent.typicalMs(now);
    const waits = silent > 0 ? silent : typical;
    say(this.#latency, waits === undefined ? "–" : lengthOfTime(waits));
    say(this.#pictures, silent > 0 ? "0" : recent.rate(now).toFixed(0));
    this.#frozen.hidden = silent === 0;
    if (silent > 0) say(this.#frozen, `Frozen for ${(silent / 1_000).toFixed(1)} s`);
  }

  drawSums(story: Story): void {
    for (const [index, { of }] of sumsRows.entries()) {
      const cells = this.#cells[index];
      if (cells === undefined) continue;
      say(cells[0], of(story.tallies.ours));
      say(cells[1], of(story.tallies.old));
    }
  }

  playedBy(isPlayed: boolean): void {
    say(this.#leftPlayer, isPlayed ? "The left paddle is yours." : "The left paddle plays itself.");
  }
}
