// "New seed" and "Use last seed" below a seed widget.
import { addButton, setWidgets, widgetOf } from "./graph.js";
import { say } from "./language.js";

/** Two buttons for a node's seed; the last seed is that of the run before the last change. */
export const addSeedButtons = (node) => {
  const seed = widgetOf(node, "seed");
  if (!seed) return;
  let queued = [];
  const before = seed.afterQueued;
  seed.afterQueued = function (...given) {
    before?.apply(this, given);
    if (queued[0] !== seed.value) queued = [seed.value, ...queued].slice(0, 2);
  };
  addButton(node, say("New seed"), say("Another world noise: other details, the same ground."), () => {
    setWidgets(node, { seed: Math.floor(Math.random() * Number.MAX_SAFE_INTEGER) });
  });
  addButton(node, say("Use last seed"), say("Back to the seed of the last run, or of the run before it."), () => {
    const last = queued.find((value) => value !== seed.value);
    if (last !== undefined) setWidgets(node, { seed: last });
  });
};
