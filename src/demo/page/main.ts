import { current, evolve, newStory } from "../pong/story.ts";
import { type CourtIntervention, courtInterventions, type FromDemo } from "../pong/wire.ts";
import { ask, followDemo } from "./follow-demo.ts";
import { RecentPictures } from "./model/recent.ts";
import { readPaddle } from "./paddle-input.ts";
import { ChartView } from "./view/chart-view.ts";
import { CourtView } from "./view/court-view.ts";
import { find, say } from "./view/find.ts";
import { PanelView } from "./view/panel-view.ts";

// The page: folds the events of the demo into the same story, and draws it.

const chartEveryMs = 66;
const panelEveryMs = 250;
const noticeMs = 4_000;

const courtView = new CourtView();
const chartView = new ChartView();
const panelView = new PanelView();
const recent = new RecentPictures(1_000);
const paddle = find("#paddle");
const pauseButton = find("#pause");
const notice = find("#notice");
let story = newStory(0);
let leftAt = 0;
/** What the demo's clock is ahead of ours, by the message that came fastest. */
let aheadMs = Number.NEGATIVE_INFINITY;
/** Whoever wants less motion begins with a picture that stands still. */
let isPaused = matchMedia("(prefers-reduced-motion: reduce)").matches;

function demoNow(): number {
  return performance.now() + aheadMs;
}

function take(message: FromDemo): void {
  const ahead = message.now - performance.now();
  aheadMs = message.kind === "whole" ? ahead : Math.max(aheadMs, ahead);
  if (message.kind === "whole") {
    story = message.story;
  } else {
    for (const event of message.events) {
      story = evolve(story, event);
      if (event.kind === "picture") recent.add(event);
    }
  }
  panelView.playedBy(message.leftIsPlayed);
  if (message.game === undefined) return;
  leftAt = message.game.left.y;
  courtView.take(message.game, performance.now());
}

let chartAt = 0;
function draw(): void {
  requestAnimationFrame(draw);
  if (isPaused || aheadMs === Number.NEGATIVE_INFINITY) return;
  courtView.draw(performance.now());
  if (performance.now() - chartAt < chartEveryMs) return;
  chartAt = performance.now();
  chartView.draw(story, demoNow());
}

function showPause(): void {
  pauseButton.setAttribute("aria-pressed", String(isPaused));
  say(pauseButton, isPaused ? "Play the picture" : "Pause the picture");
}

let noticeTimer: number | undefined;
function note(text: string): void {
  say(notice, text);
  clearTimeout(noticeTimer);
  noticeTimer = window.setTimeout(() => say(notice, ""), noticeMs);
}

async function perform(intervention: CourtIntervention, button: HTMLButtonElement): Promise<void> {
  button.disabled = true;
  const hindrance = await ask({ kind: "intervention", intervention });
  button.disabled = false;
  if (hindrance !== undefined) note(`Not done: ${hindrance}.`);
}

for (const intervention of courtInterventions) {
  const button = find<HTMLButtonElement>(`[data-intervention="${intervention}"]`);
  button.addEventListener("click", () => void perform(intervention, button));
}
find("#old").addEventListener("click", async () => {
  const regime = current(story.regimes) === "old" ? "ours" : "old";
  const hindrance = await ask({ kind: "regime", regime });
  if (hindrance !== undefined) note(`Not done: ${hindrance}.`);
});
pauseButton.addEventListener("click", () => {
  isPaused = !isPaused;
  showPause();
});
readPaddle(
  paddle,
  () => leftAt,
  (to) => void ask({ kind: "move", to }),
);
setInterval(() => {
  if (aheadMs === Number.NEGATIVE_INFINITY) return;
  panelView.draw(story, recent, demoNow());
  panelView.drawSums(story);
  paddle.setAttribute("aria-valuenow", leftAt.toFixed(0));
}, panelEveryMs);
const connection = find("#connection");
followDemo(take, (isThere) => {
  connection.dataset.connection = isThere ? "live" : "lost";
  say(connection, isThere ? "Live" : "The demo is away");
});
showPause();
courtView.draw(performance.now());
draw();
