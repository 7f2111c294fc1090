// Repaint: the page's own mask and paint editor, opened by a button, and the edit taken back.
import { app } from "../../../scripts/app.js";
import { addButton, chain, setWidgets, widgetOf } from "./graph.js";
import { say } from "./language.js";

const OPEN_EDITOR = "Comfy.MaskEditor.OpenMaskEditor";
const FIRST = "Queue once: then the map is here to paint on.";
const QUEUE = "The edit is saved: queue the graph to draw again what depends on it.";
const CLEARED = "The edit is taken back: queue the graph to see the map as it was.";

/** Two buttons, and a line that says what is to be done next. */
export const addRepaint = (node, words) => {
  addButton(node, say("Paint on the map"), say("Opens the mask and paint editor on this zoom."), () => {
    if (!node.imgs?.length && !node.images?.length) {
      words.say([say(FIRST)]);
      return;
    }
    app.canvas.deselectAll?.();
    app.canvas.select?.(node);
    app.extensionManager.command.execute(OPEN_EDITOR);
  });
  addButton(node, say("Clear the edit"), say("Forgets what was painted."), () => {
    if (!widgetOf(node, "image")?.value) return;
    setWidgets(node, { image: "" });
    words.say([say(CLEARED)]);
  });
  const image = widgetOf(node, "image");
  if (image) chain(image, "callback", (value) => value && words.say([say(QUEUE)]));
};
