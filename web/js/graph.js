// Nodes and widgets of the page's graph, on the classic canvas and as Vue nodes alike.
import { app } from "../../../scripts/app.js";

export const IMAGERY_NODE = "C2GMLoadImagery";
const MARGIN = 6; // around an element, in canvas units
const SPEC = ["file", "picture_bounds", "crs", "nodata", "attribution"];

/** A node's widget by name. */
export const widgetOf = (node, name) => node.widgets?.find((widget) => widget.name === name);

/** Set widgets as a user would: {name: value}. */
export const setWidgets = (node, values) => {
  for (const [name, value] of Object.entries(values)) {
    const widget = widgetOf(node, name);
    if (!widget || widget.value === value) continue;
    widget.value = value;
    widget.callback?.(value, app.canvas, node);
  }
  node.setDirtyCanvas?.(true, true);
  const tracker = app.extensionManager?.workflow?.activeWorkflow?.changeTracker;
  (tracker?.captureCanvasState ?? tracker?.checkState)?.call(tracker); // newer and older name
};

/** The node that an input comes from, reroutes left out; null if there is none. */
export const sourceOf = (node, input) => {
  const slot = node.inputs?.findIndex((candidate) => candidate.name === input) ?? -1;
  let source = slot < 0 ? null : node.getInputNode?.(slot);
  while (source?.type === "Reroute") source = source.getInputNode?.(0);
  return source ?? null;
};

/** Whether an input is linked. */
export const isLinked = (node, input) => {
  const slot = node.inputs?.findIndex((candidate) => candidate.name === input) ?? -1;
  return slot >= 0 && node.isInputConnected(slot);
};

/** What Load Imagery would open, read from its widgets; null of another node. */
export const imagerySpec = (node) => {
  if (node?.comfyClass !== IMAGERY_NODE || SPEC.some((name) => isLinked(node, name))) return null;
  const given = SPEC.map((name) => [name, widgetOf(node, name)?.value ?? ""]);
  return Object.fromEntries(given);
};

/** Call `look` now and then while an element is in the page, and at once when it is seen. */
export const watch = (node, element, look) => {
  const timer = setInterval(() => {
    if (!element.isConnected || element.offsetWidth === 0) return;
    makeRoom(node);
    look();
  }, 300);
  chain(node, "onRemoved", () => clearInterval(timer));
};

/** Make a node at least as large as its widgets need. */
export const makeRoom = (node) => {
  const [width, height] = node.computeSize();
  if (node.size[0] >= width && node.size[1] >= height) return;
  node.setSize([Math.max(width, node.size[0]), Math.max(height, node.size[1])]);
  node.setDirtyCanvas(true, true); // or the widgets keep their old places until the mouse moves
};

/** Add to a method of a node, the other packs' kept. */
export const chain = (node, name, added) => {
  const before = node[name];
  node[name] = function (...given) {
    const result = before?.apply(this, given);
    added(...given);
    return result;
  };
};

/** An element with a class and children, which may be texts. */
export const make = (tag, className = "", ...children) => {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...children);
  return element;
};

/** A button with a text and what it does. */
export const button = (text, title, onClick) => {
  const element = make("button", "c2gm-button", text);
  element.type = "button";
  element.title = title;
  element.addEventListener("click", onClick);
  return element;
};

/** Put a button on a node below its widgets; nothing of it is saved. */
export const addButton = (node, text, tooltip, act) => {
  const widget = node.addWidget("button", text, null, act, { serialize: false });
  widget.serialize = false;
  widget.tooltip = tooltip;
};

/**
 * Put an element on a node below its widgets; nothing of it is saved. It takes the height that the
 * node has left, unless its own is fixed.
 */
export const addElement = (node, name, element, height, { isFixed = false } = {}) => {
  if (!isFixed) element.classList.add("widget-expands"); // what Vue nodes give that height to
  for (const event of ["pointerdown", "wheel", "dblclick", "keydown"]) {
    element.addEventListener(event, (happened) => happened.stopPropagation());
  }
  element.style.minHeight = `${height}px`;
  const room = () => (element.hidden ? 0 : parseFloat(element.style.minHeight) + 2 * MARGIN);
  const widget = node.addDOMWidget(name, "c2gm", element, {
    serialize: false,
    hideOnZoom: false,
    margin: MARGIN,
    getMinHeight: room,
    ...(isFixed && { getMaxHeight: room }),
  });
  widget.serialize = false; // in the saved graph; the option of that name is for the prompt
  return widget;
};
