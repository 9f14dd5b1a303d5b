import { court } from "../pong/game.ts";

/** How often a new target is sent at most. */
const sendEveryMs = 66;
/** How far a key held down moves it in that time. */
const keyStep = 9;
const directions: Readonly<Record<string, number>> = { ArrowUp: -1, ArrowDown: 1, w: -1, s: 1 };

/** Reads where somebody wants the left paddle, by pointer or by keys, and sends that at a fair pace. */
export function readPaddle(
  field: HTMLElement,
  paddleAt: () => number,
  send: (to: number) => void,
): void {
  let target: number | undefined;
  let direction = 0;
  const point = ({ clientY }: PointerEvent): void => {
    const { top, height } = field.getBoundingClientRect();
    target = ((clientY - top) / height) * court.height;
  };
  field.addEventListener("pointermove", point);
  field.addEventListener("pointerdown", point);
  field.addEventListener("keydown", (event) => {
    const wanted = directions[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    direction = wanted;
  });
  const rest = (): void => {
    direction = 0;
  };
  field.addEventListener("keyup", ({ key }) => {
    if (directions[key] === direction) rest();
  });
  field.addEventListener("blur", rest);
  let aim = 0;
  setInterval(() => {
    if (direction === 0) aim = paddleAt();
    else {
      aim = Math.min(court.height, Math.max(0, aim + direction * keyStep));
      target = aim;
    }
    if (target !== undefined) send(target);
    target = undefined;
  }, sendEveryMs);
}
