// Repaint: the page's own mask and paint editor, opened by a button, and the edit taken back.
import { api } from "../../../scripts/api.js";
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
    if (!node.imgs?.length) {
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
  if (image) {
    makeReadable(image);
    chain(image, "callback", (value) => value && words.say([say(QUEUE)]));
  }
  return ({ images: [shown] = [] }) => shown && keepPicture(node, shown);
};

/**
 * Let a widget's value be read through any proxy: the editor of older pages looks at the node
 * through one of Vue's, which may not touch the private field behind the value.
 */
const makeReadable = (widget) => {
  let owner = Object.getPrototypeOf(widget);
  while (owner && !Object.getOwnPropertyDescriptor(owner, "value")) owner = Object.getPrototypeOf(owner);
  const { get, set } = (owner && Object.getOwnPropertyDescriptor(owner, "value")) ?? {};
  if (!get || !set || Object.hasOwn(widget, "value")) return;
  Object.defineProperty(widget, "value", {
    configurable: true,
    enumerable: true,
    get: () => get.call(widget),
    set: (value) => set.call(widget, value),
  });
};

/** The editor takes the picture from where the classic canvas keeps it; Vue nodes do not always. */
const keepPicture = async (node, shown) => {
  if (!LiteGraph.vueNodesMode) return;
  const picture = new Image();
  picture.src = api.apiURL(`/view?${new URLSearchParams(shown)}`);
  await picture.decode().catch(() => null);
  node.images = [shown];
  node.imgs = [picture];
};
